using Xunit.Abstractions;

namespace SkipSoftmax.Conformance;

/// <summary>Real tensors in their own element type, tile by tile against the reference.</summary>
public abstract class RealTensorSuite<TBackend>(ITestOutputHelper output) : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    public static IEnumerable<object[]> FilesAndOrders =>
        from file in new[] { "tech-layer14-kv0-4k", "tech-layer22-kv0-4k", "code-layer05-kv1-4k" }
        from order in Enum.GetValues<TileOrder>()
        select new object[] { file, order };

    [SkippableTheory]
    [MemberData(nameof(FilesAndOrders))]
    public void Real_tensors_agree_with_the_reference(string file, TileOrder order)
    {
        AttentionCase attentionCase = RealTensorCases.Load(file, 64, ThresholdMode.Fixed, order, ElementType.Float16, Capabilities.RealTensorTokens) with { ThresholdValue = 0.02f };
        ReferenceComparison comparison = ReferenceComparison.Check(attentionCase, Run(attentionCase));
        output.WriteLine($"{attentionCase.Name}: {comparison}");
    }
}
