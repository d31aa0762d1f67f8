using SkipSoftmax.Conformance;
using Xunit.Abstractions;

namespace SkipSoftmax.Simulation;

public sealed class SimulatorRuleTests : RuleSuite<SimulatorBackend>;

public sealed class SimulatorRandomTests(ITestOutputHelper output) : RandomSuite<SimulatorBackend>(output);

public sealed class SimulatorRealTensorTests(ITestOutputHelper output) : RealTensorSuite<SimulatorBackend>(output);

public sealed class SimulatorPublishedTableTests(ITestOutputHelper output) : PublishedTableSuite<SimulatorBackend>(output);

public sealed class SimulatorWorkCountTests(ITestOutputHelper output) : WorkCountSuite<SimulatorBackend>(output);

/// <summary>One answer, whichever thread runs next and whenever asynchronous operations take place.</summary>
public sealed class SimulatorScheduleTests : BackendSuite<SimulatorBackend>
{
    private const int Cases = 8;

    public static IEnumerable<object[]> Schedules =>
        from order in Enum.GetNames<SimulatorOrder>() from completion in Enum.GetNames<SimulatorCompletion>() select new object[] { order, completion };

    [SkippableTheory]
    [MemberData(nameof(Schedules))]
    public void Schedule_never_changes_a_bit(string order, string completion)
    {
        RequireAvailable();
        Schedule orderly = new(SimulatorOrder.Fair, SimulatorCompletion.Earliest, StarvedWarpgroup: 0, ResidentCtas: 1, Seed: 1);
        for (int seed = 0; seed < Cases; seed++)
        {
            AttentionCase attentionCase = RandomCases.Create(seed, Capabilities);
            Schedule schedule = new(Enum.Parse<SimulatorOrder>(order), Enum.Parse<SimulatorCompletion>(completion), (uint)seed % 3, ResidentCtas: 4, (ulong)seed);
            AssertSameBits(SimulatorBackend.Run(attentionCase, orderly).Result, SimulatorBackend.Run(attentionCase, schedule).Result);
        }
    }
}
