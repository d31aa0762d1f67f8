using System.Runtime.InteropServices;
using SkipSoftmax.Arguments;
using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Launch;

namespace SkipSoftmax.Simulation;

/// <summary>The emitted SM90 kernels on the simulator of their instructions, launched by the runtime's own launcher.</summary>
public sealed class SimulatorBackend : IWorkCountingBackend
{
    /// <summary>So few that a CTA gets several work tiles.</summary>
    private const int FewMultiprocessors = 4;

    public string Name => "simulator";

    public string? Unavailable => HostCompiler.Unavailable;

    public BackendCapabilities Capabilities => Shapes;

    /// <summary>What the kernels take, and sizes that are simulated in a fraction of a second.</summary>
    internal static BackendCapabilities Shapes { get; } = new()
    {
        Elements = [ElementType.Float16, ElementType.BFloat16],
        HeadDims = [64, 128, 192, 256],
        Phases = [AttentionPhase.Prefill, AttentionPhase.Decode],
        PageSizes = [16, 32, 64, 128],
        ChoosesSplits = true,
        QueryBlocks = [64, 128],
        KeyBlocks = [64, 128],
        Alignment = DeviceLayout.Alignment,
        Specifications = SimulatedSpecifications.All,
        LongestSequence = 640,
        MostLogits = 100_000,
        RealTensorTokens = 1024,
        LongPublishedRows = false,
    };

    /// <inheritdoc/>
    public IReadOnlyList<AttentionSpecification> CountedSpecifications => SimulatedSpecifications.Prefill;

    /// <inheritdoc/>
    public int Schedules => countedSchedules.Length;

    /// <summary>In turn; everything as late as it can be among interleaved CTAs; and each role starved in turn.</summary>
    private static readonly Schedule[] countedSchedules =
    [
        new(SimulatorOrder.Fair, SimulatorCompletion.Earliest, StarvedWarpgroup: 0, ResidentCtas: 1, Seed: 1),
        new(SimulatorOrder.Random, SimulatorCompletion.Latest, StarvedWarpgroup: 0, ResidentCtas: 4, Seed: 2),
        new(SimulatorOrder.StarveWarpgroup, SimulatorCompletion.Random, StarvedWarpgroup: 0, ResidentCtas: 2, Seed: 3),
        new(SimulatorOrder.StarveWarpgroup, SimulatorCompletion.Latest, StarvedWarpgroup: 1, ResidentCtas: 1, Seed: 4),
    ];

    /// <inheritdoc/>
    public (BackendResult Result, WorkCounts Counts) RunCounted(AttentionCase attentionCase, int schedule)
    {
        SimulatedRun run = Run(attentionCase, countedSchedules[schedule]);
        return (run.Result, run.Counters.Work);
    }

    /// <inheritdoc/>
    public WorkCounts ExpectedWork(AttentionCase attentionCase, TileDecision[] decisions)
    {
        GpuKernel kernel = EmittedKernel.Of(attentionCase.Specification).Kernel;
        return new TiledPrefill(kernel.QueryTile, kernel.KeyTile).Count(attentionCase, decisions);
    }

    /// <summary>Runs under the random schedule that belongs to the case's name.</summary>
    public BackendResult Run(AttentionCase attentionCase, int threads = 0) => Run(attentionCase, Schedule.Of(attentionCase.Name)).Result;

    /// <summary>Shares the keys out to so many CTAs that each sequence and head falls to about as many as it shall have parts.</summary>
    public BackendResult RunSplit(AttentionCase attentionCase, int splits) =>
        Run(attentionCase, Schedule.Of(attentionCase.Name), ctas: splits * attentionCase.Batch * attentionCase.DecisionHeads).Result;

    /// <exception cref="SimulatorException">The kernel broke a rule of the machine.</exception>
    internal static SimulatedRun Run(AttentionCase attentionCase, Schedule schedule, int ctas = 0, DeviceDefects? defects = null) =>
        Run(attentionCase, KernelLibrary.Of(attentionCase.Specification, attentionCase.GroupSize * attentionCase.Query.Shape.Length), schedule, ctas: ctas, defects: defects);

    /// <summary>Runs this kernel. What its declaration does not ask for (LSE, counters, decisions) stays as it was allocated.</summary>
    /// <exception cref="SimulatorException">The kernel broke a rule of the machine.</exception>
    internal static SimulatedRun Run(
        AttentionCase attentionCase, KernelLibrary library, Schedule schedule, int multiprocessors = FewMultiprocessors, int ctas = 0, DeviceDefects? defects = null)
    {
        AttentionSpecification specification = attentionCase.Specification;
        bool decode = specification.Phase == AttentionPhase.Decode;
        PagedCache? pages = attentionCase.Paging is null ? null : PagedCache.Of(attentionCase);
        BackendResult result = BackendResult.Allocate(attentionCase) with { DenseTile = decode ? null : (library.Kernel.QueryTile, library.Kernel.KeyTile) };
        using SimulatorDriver driver = new(library, schedule, multiprocessors);
        using GpuDevice device = new(driver, driver.Info);
        using LoadedKernel kernel = new(device, library.Kernel, []);

        TensorShape shape = attentionCase.Query.Shape;
        nint output = Copy(driver, "output", result.Output.OutputView.HostBytes, writable: true);
        nint lse = Copy<float>(driver, "LSE", result.Lse, writable: true);
        nint counters = Copy<TileCounters>(driver, "counters", result.Counters, writable: true);
        nint decisions = Copy<TileDecision>(driver, "decisions", result.Decisions, writable: true);
        nint status = Copy(driver, "status", (ReadOnlySpan<DecodeStatus>)[(DecodeStatus)0xEEEE], writable: true);
        AttentionProblem problem = new()
        {
            Specification = specification,
            Query = CopyTensor(driver, "query", attentionCase.Query.View),
            Key = CopyTensor(driver, "key", (pages?.Key ?? attentionCase.Key).View),
            Value = CopyTensor(driver, "value", (pages?.Value ?? attentionCase.Value).View),
            BlockTable = pages is null
                ? default
                : BlockTable.Device(Copy<int>(driver, "block table", defects?.Table ?? pages.Table, writable: false), attentionCase.Batch, pages.PagesPerSequence),
            Status = decode ? OutputBuffer<DecodeStatus>.Device(status, 1) : default,
            Output = OutputView.Device(output, result.Output.Element, shape, result.Output.Strides),
            Lse = specification.ReturnLse ? OutputBuffer<float>.Device(lse, result.Lse.Length) : default,
            Counters = specification.CountTiles ? OutputBuffer<TileCounters>.Device(counters, result.Counters.Length) : default,
            Decisions = specification.RecordDecisions ? OutputBuffer<TileDecision>.Device(decisions, result.Decisions.Length) : default,
            QueryLengths = CopyBuffer<int>(driver, "query lengths", defects?.QueryLengths ?? attentionCase.QueryLengths),
            KeyLengths = CopyBuffer<int>(driver, "key lengths", defects?.KeyLengths ?? pages?.KeyLengths ?? attentionCase.KeyLengths),
            Threshold = specification.Threshold == ThresholdMode.PerSequence
                ? SkipThreshold.PerSequence(CopyBuffer<float>(driver, "thresholds", attentionCase.SequenceThresholds))
                : attentionCase.Threshold,
            Scale = attentionCase.Scale,
        };
        try
        {
            if (decode)
            {
                DecodeLauncher.Launch(kernel, problem, ctas);
            }
            else
            {
                PrefillLauncher.Launch(kernel, problem);
            }
        }
        catch (SimulatorException exception)
        {
            throw new SimulatorException(exception.Line, $"{attentionCase.Name}, {schedule}: {exception.Message}");
        }

        CopyBack(output, result.Output.OutputView.HostBytes);
        CopyBack(lse, result.Lse.AsSpan());
        CopyBack(counters, result.Counters.AsSpan());
        CopyBack(decisions, result.Decisions.AsSpan());
        DecodeStatus[] reported = new DecodeStatus[1];
        CopyBack(status, reported.AsSpan());
        return new(result, driver.Counters, driver.CtaFlops, decode ? reported[0] : DecodeStatus.None);
    }

    private static TensorView CopyTensor(SimulatorDriver driver, string name, TensorView view) =>
        TensorView.Device(Copy(driver, name, view.HostBytes, writable: false), view.Element, view.Shape, view.Strides);

    private static InputBuffer<T> CopyBuffer<T>(SimulatorDriver driver, string name, T[]? values) where T : unmanaged =>
        values is null ? default : InputBuffer<T>.Device(Copy<T>(driver, name, values, writable: false), values.Length);

    private static unsafe nint Copy<T>(SimulatorDriver driver, string name, ReadOnlySpan<T> values, bool writable) where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        nint address = driver.Allocate(name, (nuint)bytes.Length, writable);
        bytes.CopyTo(new((void*)address, bytes.Length));
        return address;
    }

    private static unsafe void CopyBack<T>(nint address, Span<T> values) where T : unmanaged =>
        new ReadOnlySpan<T>((void*)address, values.Length).CopyTo(values);
}

/// <summary>What a simulated launch gave.</summary>
/// <param name="Result">What it wrote.</param>
/// <param name="Counters">What it did.</param>
/// <param name="CtaFlops">Products of each CTA, in FLOP.</param>
/// <param name="Status">Of decode: what it found wrong in device memory.</param>
internal sealed record SimulatedRun(BackendResult Result, SimulatorCounters Counters, ulong[] CtaFlops, DecodeStatus Status);

/// <summary>What stands in device memory in the place of a case's own lengths and block table, unchecked by the host.</summary>
internal sealed record DeviceDefects(int[]? Table = null, int[]? QueryLengths = null, int[]? KeyLengths = null);
