using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>
/// One execution of the contract. A new one (simulator, device) implements this and derives the suites, a class of one line for each:
/// <c>public sealed class MyRuleTests(ITestOutputHelper output) : RuleSuite&lt;MyBackend&gt;(output);</c>.
/// </summary>
public interface IConformanceBackend
{
    string Name { get; }

    BackendCapabilities Capabilities { get; }

    /// <summary>Why it cannot run on this machine, or null. The suites skip with this reason.</summary>
    string? Unavailable { get; }

    /// <summary>Runs one case with everything recorded. <paramref name="threads"/> is how many host threads to use where that can be chosen.</summary>
    BackendResult Run(AttentionCase attentionCase, int threads = 0);

    /// <summary>Runs a decode case with the keys of each sequence cut into about so many parts that are worked on apart from each other. For
    /// backends with <see cref="BackendCapabilities.ChoosesSplits"/>.</summary>
    BackendResult RunSplit(AttentionCase attentionCase, int splits) => throw new NotSupportedException($"{Name} does not choose splits.");
}

/// <summary>What a backend can be asked. Cases are drawn from these values only.</summary>
public sealed record BackendCapabilities
{
    public required IReadOnlyList<ElementType> Elements { get; init; }

    public required IReadOnlyList<int> HeadDims { get; init; }

    public required IReadOnlyList<AttentionPhase> Phases { get; init; }

    public required IReadOnlyList<int> QueryBlocks { get; init; }

    public required IReadOnlyList<int> KeyBlocks { get; init; }

    /// <summary>Page sizes of decode; empty where keys and values can only be contiguous.</summary>
    public IReadOnlyList<int> PageSizes { get; init; } = [];

    /// <summary>Whether <see cref="IConformanceBackend.RunSplit"/> is there.</summary>
    public bool ChoosesSplits { get; init; }

    /// <summary>Bytes that tensors' addresses and strides must be a multiple of.</summary>
    public required int Alignment { get; init; }

    /// <summary>What random cases are specialized by, where each specification costs a compilation; null: anything made of the values above.</summary>
    public IReadOnlyList<AttentionSpecification>? Specifications { get; init; }

    /// <summary>Query rows and keys of a random case at most.</summary>
    public int LongestSequence { get; init; } = 1000;

    /// <summary>Logits of a random case at most, over all heads and sequences; heads and sequences are dropped to stay under it.</summary>
    public long MostLogits { get; init; } = 2_000_000;

    /// <summary>Tokens taken of each real tensor; null: all of them.</summary>
    public int? RealTensorTokens { get; init; }

    /// <summary>Whether the rows of the published table that take 8,192 tokens are run as well: slow backends leave them out.</summary>
    public bool LongPublishedRows { get; init; } = true;

    /// <summary>The element type of crafted cases: the most exact one there is.</summary>
    public ElementType Finest => Elements.Contains(ElementType.Float32) ? ElementType.Float32 : ElementType.Float16;
}

/// <summary>What a backend wrote. Rows past a sequence's query length are as they were made: poison in <see cref="Output"/>,
/// <see cref="UnwrittenLse"/> in <see cref="Lse"/>.</summary>
public sealed record BackendResult(HostTensor Output, float[] Lse, TileCounters[] Counters, TileDecision[] Decisions)
{
    /// <summary>What every LSE holds before the call.</summary>
    public const float UnwrittenLse = -12345.5f;

    /// <summary>What every decision holds before the call: no value a backend writes.</summary>
    public const TileDecision UnwrittenDecision = (TileDecision)0xEE;

    /// <summary>Query rows and keys that the backend multiplies at one time in mode <c>Off</c>, where no tile is decided on; null: those of the
    /// declaration's blocks. As far as this reaches, a NaN of V behind a row's mask may meet the weight 0.</summary>
    public (int Rows, int Keys)? DenseTile { get; init; }

    /// <summary>Query rows whose P·V is one product, where they are more than a decision's: in a block that some of them keep, a NaN of V may meet the
    /// weight 0 of those that skip it.</summary>
    public int ProductRows { get; init; }

    /// <summary>Results of the right sizes, poisoned.</summary>
    public static BackendResult Allocate(AttentionCase attentionCase)
    {
        TensorShape shape = attentionCase.Query.Shape;
        int heads = attentionCase.Batch * attentionCase.QueryHeads;
        int decisionHeads = attentionCase.Batch * attentionCase.DecisionHeads;
        BackendResult result = new(
            new HostTensor(attentionCase.Query.Element, shape, attentionCase.OutputStrides ?? shape.Packed, attentionCase.OutputOffset),
            new float[heads * shape.Length], new TileCounters[decisionHeads], new TileDecision[decisionHeads * attentionCase.QueryBlocks * attentionCase.KeyBlocks]);
        result.Lse.AsSpan().Fill(UnwrittenLse);
        result.Counters.AsSpan().Fill(new TileCounters(ulong.MaxValue, ulong.MaxValue));
        result.Decisions.AsSpan().Fill(UnwrittenDecision);
        return result;
    }
}
