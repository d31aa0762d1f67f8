using Xunit.Abstractions;

namespace SkipSoftmax.Conformance;

/// <summary>What judges the others is itself held to the rules and to figures it was not made from.</summary>
public sealed class ReferenceRuleTests : RuleSuite<ReferenceBackend>;

public sealed class ReferencePublishedTableTests(ITestOutputHelper output) : PublishedTableSuite<ReferenceBackend>(output);

public sealed class ReferenceDecodeRuleTests : DecodeRuleSuite<ReferenceBackend>;
