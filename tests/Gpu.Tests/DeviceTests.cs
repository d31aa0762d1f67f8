using SkipSoftmax.Conformance;
using Xunit.Abstractions;

namespace SkipSoftmax.Gpu;

public sealed class DeviceRuleTests : RuleSuite<DeviceBackend>;

public sealed class DeviceRandomTests(ITestOutputHelper output) : RandomSuite<DeviceBackend>(output);

public sealed class DeviceRepeatabilityTests : RepeatabilitySuite<DeviceBackend>;

public sealed class DeviceRealTensorTests(ITestOutputHelper output) : RealTensorSuite<DeviceBackend>(output);

public sealed class DevicePublishedTableTests(ITestOutputHelper output) : PublishedTableSuite<DeviceBackend>(output);

public sealed class DeviceDecodeRandomTests(ITestOutputHelper output) : DecodeRandomSuite<DeviceBackend>(output);

public sealed class DeviceDecodeRuleTests : DecodeRuleSuite<DeviceBackend>;

public sealed class DeviceDecodeSplitTests : DecodeSplitSuite<DeviceBackend>;

public sealed class DeviceDecodeRealTensorTests(ITestOutputHelper output) : DecodeRealTensorSuite<DeviceBackend>(output);
