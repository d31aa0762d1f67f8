using SkipSoftmax.Conformance;
using Xunit.Abstractions;

namespace SkipSoftmax.Simulation;

public sealed class Sm100SimulatorRuleTests : RuleSuite<Sm100SimulatorBackend>;

public sealed class Sm100SimulatorRandomTests(ITestOutputHelper output) : RandomSuite<Sm100SimulatorBackend>(output);

public sealed class Sm100SimulatorRealTensorTests(ITestOutputHelper output) : RealTensorSuite<Sm100SimulatorBackend>(output);

public sealed class Sm100SimulatorWorkCountTests(ITestOutputHelper output) : WorkCountSuite<Sm100SimulatorBackend>(output);

public sealed class Sm100SimulatorDecodeRandomTests(ITestOutputHelper output) : DecodeRandomSuite<Sm100DecodeSimulatorBackend>(output);

public sealed class Sm100SimulatorDecodeRuleTests : DecodeRuleSuite<Sm100DecodeSimulatorBackend>;

public sealed class Sm100SimulatorDecodeSplitTests : DecodeSplitSuite<Sm100DecodeSimulatorBackend>;

public sealed class Sm100SimulatorDecodeRealTensorTests(ITestOutputHelper output) : DecodeRealTensorSuite<Sm100DecodeSimulatorBackend>(output);
