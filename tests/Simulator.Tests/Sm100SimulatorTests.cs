using SkipSoftmax.Conformance;
using Xunit.Abstractions;

namespace SkipSoftmax.Simulation;

public sealed class Sm100SimulatorRuleTests : RuleSuite<Sm100SimulatorBackend>;

public sealed class Sm100SimulatorRandomTests(ITestOutputHelper output) : RandomSuite<Sm100SimulatorBackend>(output);
