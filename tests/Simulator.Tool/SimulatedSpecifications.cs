using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using static SkipSoftmax.AttentionMask;
using static SkipSoftmax.ThresholdMode;
using static SkipSoftmax.TileOrder;

namespace SkipSoftmax.Simulation;

/// <summary>What random cases are specialized by: each value of each attribute argument several times, in many combinations. Each costs a compilation.</summary>
internal static class SimulatedSpecifications
{
    public static IReadOnlyList<AttentionSpecification> All => [.. Prefill, .. Decode];

    public static IReadOnlyList<AttentionSpecification> Prefill { get; } =
    [
        Specify(64, 64, 64, Fixed, AttentionMask.None, ElementType.Float16, Descending),
        Specify(64, 64, 64, ContextScaled, Causal, ElementType.BFloat16, SinkFirst),
        Specify(64, 64, 128, PerSequence, Causal, ElementType.Float16, Ascending),
        Specify(64, 128, 64, TargetSparsity, AttentionMask.None, ElementType.BFloat16, Descending),
        Specify(64, 128, 128, Fixed, Causal, ElementType.Float16, SinkFirst),
        Specify(64, 64, 64, Off, Causal, ElementType.BFloat16, Ascending),
        Specify(128, 64, 64, ContextScaled, Causal, ElementType.BFloat16, Descending),
        Specify(128, 64, 64, Fixed, AttentionMask.None, ElementType.Float16, SinkFirst),
        Specify(128, 64, 128, TargetSparsity, Causal, ElementType.Float16, Descending),
        Specify(128, 128, 64, PerSequence, Causal, ElementType.BFloat16, Descending),
        Specify(128, 128, 128, Fixed, AttentionMask.None, ElementType.BFloat16, Ascending),
        Specify(128, 64, 64, Off, AttentionMask.None, ElementType.Float16, Descending),
        Specify(192, 64, 64, Fixed, Causal, ElementType.BFloat16, SinkFirst),
        Specify(192, 128, 128, ContextScaled, AttentionMask.None, ElementType.Float16, Descending),
        Specify(192, 64, 128, Off, Causal, ElementType.BFloat16, Ascending),
        Specify(256, 64, 64, Fixed, Causal, ElementType.BFloat16, Descending),
        Specify(256, 64, 64, TargetSparsity, AttentionMask.None, ElementType.Float16, Ascending),
        Specify(256, 128, 64, PerSequence, AttentionMask.None, ElementType.Float16, SinkFirst),
        Specify(256, 64, 64, Off, Causal, ElementType.Float16, SinkFirst),
    ];

    /// <summary>Those of prefill that SM100 has kernels for; backwards, so that each hundred random cases have some of every share skipped.</summary>
    public static IReadOnlyList<AttentionSpecification> Sm100Prefill { get; } =
        [.. Prefill.Where(specification => specification.HeadDim <= 128).Reverse().Select(specification => specification with { Targets = GpuTargets.Sm100 })];

    /// <summary>Those of decode. Each costs a compilation for each row capacity that its cases need.</summary>
    public static IReadOnlyList<AttentionSpecification> Decode { get; } =
    [
        SpecifyDecode(64, Fixed, Causal, ElementType.BFloat16, pageSize: 0, queries: 8),
        SpecifyDecode(64, ContextScaled, AttentionMask.None, ElementType.Float16, pageSize: 16, queries: 2),
        SpecifyDecode(64, PerSequence, Causal, ElementType.BFloat16, pageSize: 64, queries: 4),
        SpecifyDecode(64, Off, Causal, ElementType.Float16, pageSize: 128, queries: 1),
        SpecifyDecode(128, Fixed, Causal, ElementType.BFloat16, pageSize: 0, queries: 1),
        SpecifyDecode(128, ContextScaled, Causal, ElementType.Float16, pageSize: 64, queries: 8),
        SpecifyDecode(128, PerSequence, AttentionMask.None, ElementType.BFloat16, pageSize: 32, queries: 2),
        SpecifyDecode(128, TargetSparsity, Causal, ElementType.Float16, pageSize: 128, queries: 1),
        SpecifyDecode(128, Off, Causal, ElementType.BFloat16, pageSize: 16, queries: 2),
        SpecifyDecode(256, Fixed, Causal, ElementType.Float16, pageSize: 32, queries: 8),
        SpecifyDecode(256, TargetSparsity, AttentionMask.None, ElementType.BFloat16, pageSize: 0, queries: 2),
        SpecifyDecode(256, Off, Causal, ElementType.BFloat16, pageSize: 64, queries: 1),
    ];

    /// <summary>Those of decode for SM100, whose kernels have SM90's loop: every second one.</summary>
    public static IReadOnlyList<AttentionSpecification> Sm100Decode { get; } =
        [.. Decode.Where((_, index) => index % 2 == 0).Select(specification => specification with { Targets = GpuTargets.Sm100 })];

    private static AttentionSpecification SpecifyDecode(int headDim, ThresholdMode threshold, AttentionMask mask, ElementType element, int pageSize, int queries) =>
        CraftedCases.DecodeSpecification with
        {
            HeadDim = headDim,
            Threshold = threshold,
            Mask = mask,
            Element = element,
            KvLayout = pageSize == 0 ? KvLayout.Contiguous : KvLayout.Paged,
            PageSize = pageSize,
            MaxQueryLength = queries,
        };

    private static AttentionSpecification Specify(
        int headDim, int queryBlock, int keyBlock, ThresholdMode threshold, AttentionMask mask, ElementType element, TileOrder order) =>
        CraftedCases.Specification with
        {
            HeadDim = headDim,
            QueryBlock = queryBlock,
            KeyBlock = keyBlock,
            Threshold = threshold,
            Mask = mask,
            Element = element,
            Order = order,
        };
}
