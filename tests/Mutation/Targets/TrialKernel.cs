using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Simulation;

namespace SkipSoftmax.Mutation;

/// <summary>One variant of a kernel and the problems it is run on.</summary>
internal sealed class TrialKernel
{
    /// <summary>Far above what any trial takes.</summary>
    private const ulong StepLimit = 60_000_000;

    private const int SchedulesOfAProblem = 3;

    /// <summary>The last one, modulo two, three and four.</summary>
    private const uint LastWarpgroup = 11;

    /// <summary>The trials' schedules in turn: each order, and asynchronous operations at their earliest and at their latest.</summary>
    private static readonly Schedule[] schedules =
    [
        new(SimulatorOrder.Random, SimulatorCompletion.Latest, StarvedWarpgroup: 0, ResidentCtas: 4, Seed: 1),
        new(SimulatorOrder.LeadersFirst, SimulatorCompletion.Earliest, StarvedWarpgroup: 0, ResidentCtas: 1, Seed: 2),
        new(SimulatorOrder.StarveWarpgroup, SimulatorCompletion.Random, StarvedWarpgroup: 0, ResidentCtas: 2, Seed: 3),
        new(SimulatorOrder.StarveLanes, SimulatorCompletion.Earliest, StarvedWarpgroup: 1, ResidentCtas: 1, Seed: 4),
        new(SimulatorOrder.StarveWarpgroup, SimulatorCompletion.Latest, StarvedWarpgroup: 1, ResidentCtas: 1, Seed: 5),
        new(SimulatorOrder.Fair, SimulatorCompletion.Earliest, StarvedWarpgroup: 0, ResidentCtas: 1, Seed: 6),
        new(SimulatorOrder.StarveLanes, SimulatorCompletion.Random, StarvedWarpgroup: 0, ResidentCtas: 1, Seed: 7),
        new(SimulatorOrder.LeadersFirst, SimulatorCompletion.Latest, StarvedWarpgroup: 0, ResidentCtas: 2, Seed: 8),
        new(SimulatorOrder.StarveWarpgroup, SimulatorCompletion.Earliest, StarvedWarpgroup: LastWarpgroup, ResidentCtas: 3, Seed: 9),
        new(SimulatorOrder.StarveLanes, SimulatorCompletion.Earliest, StarvedWarpgroup: LastWarpgroup, ResidentCtas: 1, Seed: 10),
        new(SimulatorOrder.Random, SimulatorCompletion.Random, StarvedWarpgroup: 0, ResidentCtas: 2, Seed: 11),
    ];

    private readonly Lazy<IReadOnlyList<Trial>> trials;

    /// <param name="specification">Of the variant.</param>
    /// <param name="rows">Of decode: query rows that share a key/value head.</param>
    /// <param name="problems">What it is run on, each under a few schedules.</param>
    public TrialKernel(AttentionSpecification specification, int rows, Func<IEnumerable<TrialProblem>> problems)
    {
        (Specification, Rows) = (specification, rows);
        trials = new(() => [.. problems().SelectMany((problem, i) => Enumerable.Range(0, problem.EverySchedule ? schedules.Length : SchedulesOfAProblem)
            .Select(n => new Trial(problem, schedules[(i + (problem.EverySchedule ? n : n * schedules.Length / SchedulesOfAProblem)) % schedules.Length] with { StepLimit = StepLimit })))]);
    }

    public AttentionSpecification Specification { get; }

    public int Rows { get; }

    /// <summary>Made when they are first needed, and kept.</summary>
    public IReadOnlyList<Trial> Trials => trials.Value;
}

/// <summary>A problem for a trial.</summary>
/// <param name="Case">The problem.</param>
/// <param name="Ctas">Of prefill: at most, for however many work tiles. Of decode: that the keys are shared out to.</param>
/// <param name="Exact">No decision may differ from the reference's: the logits are exact in every step of the arithmetic.</param>
/// <param name="EverySchedule">It is small, and what it shows depends on who is slow.</param>
internal sealed record TrialProblem(AttentionCase Case, int Ctas, bool Exact = false, bool EverySchedule = false);

/// <summary>One run of a mutant.</summary>
internal sealed record Trial(TrialProblem Problem, Schedule Schedule);
