using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using Xunit.Abstractions;

namespace SkipSoftmax.Simulation;

/// <summary>The replay that the imbalance report is made with gives what the simulated CTAs did.</summary>
public sealed class WorkAssignmentTests(ITestOutputHelper output) : BackendSuite<SimulatorBackend>
{
    private static readonly AttentionSpecification[] specifications =
    [
        CraftedCases.Specification with { Mask = AttentionMask.Causal, Element = ElementType.Float16 },
        CraftedCases.Specification with { Mask = AttentionMask.Causal, Element = ElementType.BFloat16, HeadDim = 128, Order = TileOrder.SinkFirst },
    ];

    public static TheoryData<int, int> Cases => new() { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 2 } };

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Each_tile_costs_what_its_decisions_say(int specification, int seed)
    {
        (AttentionCase attentionCase, TiledPrefill kernel) = MakeCase(specification, seed);
        SimulatedRun run = Simulate(attentionCase, multiprocessors: 1000, residentCtas: 1);
        Assert.Equal(WorkTileCosts.Of(kernel, attentionCase, run.Result.Decisions), run.CtaFlops);
    }

    /// <summary>Few tiles, since a CTA takes its next one as soon as the last K tile of this one is on its way: where two CTAs are almost even, which
    /// of them comes first depends on more than their work.</summary>
    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Counter_hands_out_what_the_replay_says(int specification, int seed)
    {
        (AttentionCase attentionCase, TiledPrefill kernel) = MakeCase(specification, seed);
        SimulatedRun run = Simulate(attentionCase, multiprocessors: 4, residentCtas: 4);
        ulong[] costs = WorkTileCosts.Of(kernel, attentionCase, run.Result.Decisions);
        ulong[] replayed = WorkAssignment.FromCounter(costs, ctas: 4);
        output.WriteLine($"{costs.Length} tiles; simulated {string.Join(", ", run.CtaFlops)}; replayed {string.Join(", ", replayed)}; static {string.Join(", ", WorkAssignment.Static(costs, ctas: 4))}");
        Assert.Equal(replayed.Order(), run.CtaFlops.Order());
    }

    private SimulatedRun Simulate(AttentionCase attentionCase, int multiprocessors, uint residentCtas)
    {
        RequireAvailable();
        return SimulatorBackend.Run(attentionCase, KernelLibrary.Of(attentionCase.Specification),
            new(SimulatorOrder.Fair, SimulatorCompletion.Earliest, StarvedWarpgroup: 0, residentCtas, Seed: 1), multiprocessors);
    }

    private (AttentionCase Case, TiledPrefill Kernel) MakeCase(int specification, int seed)
    {
        GpuKernel kernel = EmittedKernel.Of(specifications[specification]).Kernel;
        return (RandomCases.Create(seed, Capabilities, new()
        {
            Specification = specifications[specification],
            Lengths = (1000, 1000),
            ColdShare = 0.7f,
            HotEnds = true,
            Locality = 0,
            Scale = 0.5f, // as in WorkCountSuite
            Lambda = 0.1f,
            NonFinite = false,
        }), TiledPrefill.Of(kernel));
    }
}
