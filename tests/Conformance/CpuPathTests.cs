using Xunit.Abstractions;

namespace SkipSoftmax.Conformance;

public sealed class CpuPathRuleTests : RuleSuite<CpuPathBackend>;

public sealed class CpuPathRandomTests(ITestOutputHelper output) : RandomSuite<CpuPathBackend>(output);

public sealed class CpuPathRepeatabilityTests : RepeatabilitySuite<CpuPathBackend>;

public sealed class CpuPathPublishedTableTests(ITestOutputHelper output) : PublishedTableSuite<CpuPathBackend>(output);

public sealed class CpuPathRealTensorTests(ITestOutputHelper output) : RealTensorSuite<CpuPathBackend>(output);

public sealed class CpuPathDecodeRandomTests(ITestOutputHelper output) : DecodeRandomSuite<CpuPathBackend>(output);

public sealed class CpuPathDecodeRuleTests : DecodeRuleSuite<CpuPathBackend>;

public sealed class CpuPathDecodeSplitTests : DecodeSplitSuite<CpuPathBackend>;

public sealed class CpuPathDecodeRealTensorTests(ITestOutputHelper output) : DecodeRealTensorSuite<CpuPathBackend>(output);
