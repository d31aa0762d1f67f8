using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Simulation;

/// <summary>
/// Consumer warpgroups of prefill issue their QKᵀ by turns, so that one's softmax runs under the others' products: those of a step in one piece, and
/// never those of two steps in a row, whoever is slow.
/// </summary>
public sealed class ProductTurnTests : BackendSuite<SimulatorBackend>
{
    private const int DepthOfAProduct = 16;

    public static TheoryData<int, string> Cases => new()
    {
        { 64, nameof(SimulatorOrder.Random) },
        { 64, nameof(SimulatorOrder.StarveWarpgroup) },
        { 128, nameof(SimulatorOrder.LeadersFirst) },
        { 256, nameof(SimulatorOrder.StarveLanes) },
    };

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Warpgroups_take_turns(int headDim, string order)
    {
        RequireAvailable();
        AttentionSpecification specification = CraftedCases.Specification with { HeadDim = headDim, Element = ElementType.Float16, Mask = AttentionMask.Causal };
        AttentionCase attentionCase = RandomCases.Create(3, Capabilities, new() { Specification = specification, Lengths = (300, 400), ColdShare = 0.5f, NonFinite = false });
        Schedule schedule = new(Enum.Parse<SimulatorOrder>(order), SimulatorCompletion.Random, StarvedWarpgroup: 1, ResidentCtas: 2, Seed: 5);

        SimulatorCounters counters = SimulatorBackend.Run(attentionCase, schedule).Counters;

        Assert.True(counters.ProductTurns > 10, $"{counters.ProductTurns} turns show little.");
        Assert.Equal(counters.SharedSharedProducts / (ulong)(headDim / DepthOfAProduct), counters.ProductTurns);
    }
}
