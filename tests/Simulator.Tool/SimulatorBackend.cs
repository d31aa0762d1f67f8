using SkipSoftmax.Arguments;
using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Launch;

namespace SkipSoftmax.Simulation;

/// <summary>The emitted kernels of one target on the simulator of their instructions, launched by the runtime's own launcher.</summary>
public abstract class TargetSimulatorBackend : IWorkCountingBackend
{
    private readonly GpuTargets target;

    private protected TargetSimulatorBackend(GpuTargets target, BackendCapabilities capabilities)
    {
        this.target = target;
        Capabilities = capabilities;
    }

    public string Name => $"{target} simulator";

    public string? Unavailable => HostCompiler.Unavailable;

    public BackendCapabilities Capabilities { get; }

    /// <inheritdoc/>
    public IReadOnlyList<AttentionSpecification> CountedSpecifications => [.. Capabilities.Specifications!.Where(specification => specification.Phase == AttentionPhase.Prefill)];

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
        SimulatedRun run = SimulatorBackend.Run(OnTarget(attentionCase), countedSchedules[schedule]);
        return (run.Result, run.Counters.Work);
    }

    /// <inheritdoc/>
    public WorkCounts ExpectedWork(AttentionCase attentionCase, TileDecision[] decisions)
 =>
        TiledPrefill.Of(EmittedKernel.Of(OnTarget(attentionCase).Specification).Kernel).Count(attentionCase, decisions);

    /// <summary>Runs under the random schedule that belongs to the case's name.</summary>
    public BackendResult Run(AttentionCase attentionCase, int threads = 0) => SimulatorBackend.Run(OnTarget(attentionCase), Schedule.Of(attentionCase.Name)).Result;

    /// <summary>Shares the keys out to so many CTAs that each sequence and head falls to about as many as it shall have parts.</summary>
    public BackendResult RunSplit(AttentionCase attentionCase, int splits) => SimulatorBackend.Run(
        OnTarget(attentionCase), Schedule.Of(attentionCase.Name), ctas: splits * attentionCase.Batch * attentionCase.DecisionHeads).Result;

    /// <summary>The case as a declaration for this target has it.</summary>
    internal AttentionCase OnTarget(AttentionCase attentionCase) => attentionCase with { Specification = attentionCase.Specification with { Targets = target } };
}

/// <summary>The decode kernels for SM100.</summary>
public sealed class Sm100DecodeSimulatorBackend() : TargetSimulatorBackend(GpuTargets.Sm100, SimulatorBackend.Shapes with
{
    HeadDims = [64, 128, 256],
    Phases = [AttentionPhase.Decode],
    Specifications = SimulatedSpecifications.Sm100Decode,
});

/// <summary>The prefill kernels for SM100.</summary>
public sealed class Sm100SimulatorBackend() : TargetSimulatorBackend(GpuTargets.Sm100, Shapes)
{
    /// <summary>What the kernels take, and sizes that are simulated in a fraction of a second.</summary>
    internal static BackendCapabilities Shapes { get; } = SimulatorBackend.Shapes with
    {
        HeadDims = [64, 128],
        Phases = [AttentionPhase.Prefill],
        PageSizes = [],
        ChoosesSplits = false,
        Specifications = SimulatedSpecifications.Sm100Prefill,
        MostLogits = 130_000, // work tiles are larger
    };
}

/// <summary>The kernels for SM90; and runs of any target's, by the specification of the case.</summary>
public sealed class SimulatorBackend() : TargetSimulatorBackend(GpuTargets.Sm90, Shapes)
{
    /// <summary>So few that a CTA gets several work tiles.</summary>
    private const int FewMultiprocessors = 4;

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

    /// <exception cref="SimulatorException">The kernel broke a rule of the machine.</exception>
    internal static SimulatedRun Run(AttentionCase attentionCase, Schedule schedule, int ctas = 0, DeviceDefects? defects = null) =>
        Run(attentionCase, KernelLibrary.Of(attentionCase.Specification, attentionCase.GroupSize * attentionCase.Query.Shape.Length), schedule, ctas: ctas, defects: defects);

    /// <summary>Runs this kernel. What its declaration does not ask for (LSE, counters, decisions) stays as it was allocated.</summary>
    /// <exception cref="SimulatorException">The kernel broke a rule of the machine.</exception>
    internal static SimulatedRun Run(
        AttentionCase attentionCase, KernelLibrary library, Schedule schedule, int multiprocessors = FewMultiprocessors, int ctas = 0, DeviceDefects? defects = null)
    {
        bool decode = attentionCase.Specification.Phase == AttentionPhase.Decode;
        DeviceCase onDevice = new(attentionCase, defects);
        using SimulatorDriver driver = new(library, schedule, multiprocessors);
        using GpuDevice device = new(driver, driver.Info);
        using LoadedKernel kernel = new(device, library.Kernel, []);
        AttentionProblem problem = onDevice.CopyTo(driver);
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
        onDevice.CopyBack(driver);
        BackendResult result = decode
            ? onDevice.Result
            : onDevice.Result with { DenseTile = (library.Kernel.QueryTile, library.Kernel.KeyTile), ProductRows = library.Kernel.QueryBox };
        return new(result, driver.Counters, driver.CtaFlops, onDevice.Status);
    }
}

/// <summary>What a simulated launch gave.</summary>
/// <param name="Result">What it wrote.</param>
/// <param name="Counters">What it did.</param>
/// <param name="CtaFlops">Products of each CTA, in FLOP.</param>
/// <param name="Status">Of decode: what it found wrong in device memory.</param>
internal sealed record SimulatedRun(BackendResult Result, SimulatorCounters Counters, ulong[] CtaFlops, DecodeStatus Status);
