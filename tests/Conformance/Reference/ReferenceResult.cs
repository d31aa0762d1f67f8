namespace SkipSoftmax.Conformance;

/// <summary>What the reference says of one case.</summary>
public sealed class ReferenceResult
{
    internal ReferenceResult(AttentionCase attentionCase)
    {
        int heads = attentionCase.Batch * attentionCase.QueryHeads;
        int rows = heads * attentionCase.Query.Shape.Length;
        int decisionHeads = attentionCase.Batch * attentionCase.DecisionHeads;
        int tiles = decisionHeads * attentionCase.QueryBlocks * attentionCase.KeyBlocks;
        Output = new double[rows * attentionCase.HeadDim];
        Unspecified = new bool[rows * attentionCase.HeadDim];
        Lse = new double[rows];
        LogitError = new double[rows];
        Decisions = new TileDecision[tiles];
        DecisionDistance = new double[tiles];
        Counters = new TileCounters[decisionHeads];
    }

    /// <summary>O, packed <c>[batch, query heads, query length, head_dim]</c>.</summary>
    public double[] Output { get; }

    /// <summary>Elements of <see cref="Output"/> that the contract leaves open: a NaN or ∞ of V in a kept tile meets a weight of zero
    /// (the key is masked for this row, or its weight underflows), and 0 · NaN may or may not be taken. In mode <c>Off</c> "a kept tile" is the
    /// backend's product tile: <see cref="BackendResult.DenseTile"/>.</summary>
    public bool[] Unspecified { get; }

    /// <summary>LSE, packed <c>[batch, query heads, query length]</c>.</summary>
    public double[] Lse { get; }

    /// <summary>Bound of the float32 rounding of each row's logits over the kept tiles, packed like <see cref="Lse"/>.</summary>
    public double[] LogitError { get; }

    /// <summary>The rule's decision on every tile, given what was done with the tiles before it.</summary>
    public TileDecision[] Decisions { get; }

    /// <summary>How far each decision is from turning over, in units of the logits' rounding: at most 1 is within rounding.</summary>
    public double[] DecisionDistance { get; }

    /// <summary>Of the decisions that were applied, packed <c>[batch, query heads]</c>, in decode <c>[batch, key/value heads]</c>.</summary>
    public TileCounters[] Counters { get; }
}
