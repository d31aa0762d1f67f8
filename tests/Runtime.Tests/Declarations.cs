using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Tests;

/// <summary>Descriptors as the generator would emit them.</summary>
internal static class Declarations
{
    public static AttentionSpecification Specification(string name, ElementType element, ThresholdMode threshold, GpuTargets targets = GpuTargets.None, bool results = false) => new()
    {
        Name = name,
        Phase = AttentionPhase.Prefill,
        HeadDim = 64,
        QueryBlock = 64,
        KeyBlock = 64,
        Threshold = threshold,
        Mask = AttentionMask.None,
        Element = element,
        Targets = targets,
        Order = TileOrder.Descending,
        CountTiles = results,
        RecordDecisions = results,
        ReturnLse = results,
    };

    public static GpuKernel Kernel(GpuTargets target) => new()
    {
        Name = $"{target}_d64_test",
        Target = target,
        EntryPoint = "skip_softmax_prefill",
        QueryTile = 128,
        QueryBox = 64,
        KeyTile = 128,
        ValueBox = 64,
        Threads = 384,
        SharedMemoryBytes = 100_000,
        EntryRegisters = 168,
    };
}

internal sealed class FixedFloat32 : IAttentionDescriptor
{
    public static AttentionSpecification Specification { get; } = Declarations.Specification(nameof(FixedFloat32), ElementType.Float32, ThresholdMode.Fixed);

    public static IReadOnlyList<GpuKernel> Kernels { get; } = [];

    public static ReadOnlySpan<byte> GetKernelText(int index) => throw new ArgumentOutOfRangeException(nameof(index));
}

internal sealed class DenseFloat32 : IAttentionDescriptor
{
    public static AttentionSpecification Specification { get; } = Declarations.Specification(nameof(DenseFloat32), ElementType.Float32, ThresholdMode.Off);

    public static IReadOnlyList<GpuKernel> Kernels { get; } = [];

    public static ReadOnlySpan<byte> GetKernelText(int index) => throw new ArgumentOutOfRangeException(nameof(index));
}

internal sealed class PerSequenceWithResults : IAttentionDescriptor
{
    public static AttentionSpecification Specification { get; } =
        Declarations.Specification(nameof(PerSequenceWithResults), ElementType.Float32, ThresholdMode.PerSequence, results: true);

    public static IReadOnlyList<GpuKernel> Kernels { get; } = [];

    public static ReadOnlySpan<byte> GetKernelText(int index) => throw new ArgumentOutOfRangeException(nameof(index));
}

internal sealed class Sm90Half : IAttentionDescriptor
{
    public static AttentionSpecification Specification { get; } = Declarations.Specification(nameof(Sm90Half), ElementType.Float16, ThresholdMode.Fixed, GpuTargets.Sm90);

    public static IReadOnlyList<GpuKernel> Kernels { get; } = [Declarations.Kernel(GpuTargets.Sm90)];

    public static ReadOnlySpan<byte> GetKernelText(int index) => "sm90 text"u8;
}

internal sealed class Sm90HalfWithResults : IAttentionDescriptor
{
    public static AttentionSpecification Specification { get; } =
        Declarations.Specification(nameof(Sm90HalfWithResults), ElementType.Float16, ThresholdMode.PerSequence, GpuTargets.Sm90, results: true);

    public static IReadOnlyList<GpuKernel> Kernels { get; } = [Declarations.Kernel(GpuTargets.Sm90)];

    public static ReadOnlySpan<byte> GetKernelText(int index) => "sm90 text with results"u8;
}

internal sealed class BothTargets : IAttentionDescriptor
{
    public static AttentionSpecification Specification { get; } =
        Declarations.Specification(nameof(BothTargets), ElementType.BFloat16, ThresholdMode.Off, GpuTargets.Sm90 | GpuTargets.Sm100);

    public static IReadOnlyList<GpuKernel> Kernels { get; } = [Declarations.Kernel(GpuTargets.Sm90), Declarations.Kernel(GpuTargets.Sm100)];

    public static ReadOnlySpan<byte> GetKernelText(int index) => index == 0 ? "both, sm90"u8 : "both, sm100"u8;
}

/// <summary><see cref="PagedDecodeHalf"/> without LSE, counters and decisions.</summary>
internal sealed class PagedDecodeBare : IAttentionDescriptor
{
    public static AttentionSpecification Specification { get; } =
        PagedDecodeHalf.Specification with { Name = nameof(PagedDecodeBare), ReturnLse = false, CountTiles = false, RecordDecisions = false };

    public static IReadOnlyList<GpuKernel> Kernels => PagedDecodeHalf.Kernels;

    public static ReadOnlySpan<byte> GetKernelText(int index) => PagedDecodeHalf.GetKernelText(index);
}

/// <summary>Pages of 16, up to two query tokens: two row capacities.</summary>
internal sealed class PagedDecodeHalf : IAttentionDescriptor
{
    public static AttentionSpecification Specification { get; } =
        Declarations.Specification(nameof(PagedDecodeHalf), ElementType.Float16, ThresholdMode.Fixed, GpuTargets.Sm90, results: true) with
        {
            Phase = AttentionPhase.Decode,
            KvLayout = KvLayout.Paged,
            PageSize = 16,
            MaxQueryLength = 2,
        };

    public static IReadOnlyList<GpuKernel> Kernels { get; } = [DecodeKernel(rows: 16, threads: 256), DecodeKernel(rows: 32, threads: 128)];

    public static ReadOnlySpan<byte> GetKernelText(int index) => index == 0 ? "decode, 16 rows"u8 : "decode, 32 rows"u8;

    private static GpuKernel DecodeKernel(int rows, int threads) => Declarations.Kernel(GpuTargets.Sm90) with
    {
        Name = $"decode_r{rows}",
        EntryPoint = "skip_softmax_decode",
        QueryTile = rows,
        QueryBox = 0,
        KeyTile = 16,
        ValueBox = 16,
        Threads = threads,
    };
}
