using Xunit.Abstractions;

namespace SkipSoftmax.Conformance;

/// <summary>Real tensors in their own element type, tile by tile against the reference.</summary>
public abstract class RealTensorSuite<TBackend>(ITestOutputHelper output) : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    [SkippableTheory]
    [InlineData("tech-layer14-kv0-4k", TileOrder.Descending)]
    [InlineData("tech-layer22-kv0-4k", TileOrder.Ascending)]
    [InlineData("code-layer05-kv1-4k", TileOrder.SinkFirst)]
    public void Real_tensors_agree_with_the_reference(string file, TileOrder order)
    {
        AttentionCase attentionCase = RealTensorCases.Load(file, 64, ThresholdMode.Fixed, order, ElementType.Float16, Capabilities.RealTensorTokens) with { ThresholdValue = 0.02f };
        ReferenceComparison comparison = ReferenceComparison.Check(attentionCase, Run(attentionCase));
        output.WriteLine($"{attentionCase.Name}: {comparison}");
    }
}
