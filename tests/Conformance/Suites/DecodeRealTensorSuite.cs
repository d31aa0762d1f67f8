using Xunit.Abstractions;

namespace SkipSoftmax.Conformance;

/// <summary>The last 64 positions of each real tensor as decode steps, all in one batch, against the reference tile by tile.</summary>
public abstract class DecodeRealTensorSuite<TBackend>(ITestOutputHelper output) : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    private const int Positions = 64;

    public static TheoryData<string, int> FilesAndQueryLengths => new()
    {
        { "tech-layer14-kv0-4k", 1 },
        { "tech-layer22-kv0-4k", 1 },
        { "code-layer05-kv1-4k", 1 },
        { "tech-layer14-kv0-4k", 4 },
    };

    [SkippableTheory]
    [MemberData(nameof(FilesAndQueryLengths))]
    public void Last_positions_agree_with_the_reference(string file, int queryLength)
    {
        AttentionCase attentionCase = RealTensorCases.LoadDecode(file, Positions / queryLength, queryLength, ElementType.Float16, Capabilities.RealTensorTokens) with { ThresholdValue = 0.02f };
        ReferenceComparison comparison = ReferenceComparison.Check(attentionCase, Run(attentionCase));
        output.WriteLine($"{attentionCase.Name}: {comparison}");
        foreach (int pageSize in Capabilities.PageSizes)
        {
            AttentionCase paged = attentionCase with
            {
                Specification = attentionCase.Specification with { KvLayout = KvLayout.Paged, PageSize = pageSize },
                Paging = new() { Seed = pageSize },
            };
            Assert.Equal(comparison, ReferenceComparison.Check(paged, Run(paged)));
        }
    }
}
