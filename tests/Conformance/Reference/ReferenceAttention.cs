namespace SkipSoftmax.Conformance;

/// <summary>Skip Softmax attention in double precision, written from the contract alone and for reading, not for speed.</summary>
public static class ReferenceAttention
{
    /// <summary>2^-24: the relative rounding of one float32 operation.</summary>
    public const double Float32Rounding = 1.0 / (1 << 24);

    /// <summary>Runs a case.</summary>
    /// <param name="attentionCase">The case.</param>
    /// <param name="forced">What is done with each tile whatever the rule says of it; null: what the rule says.</param>
    /// <param name="denseTile">See <see cref="BackendResult.DenseTile"/>.</param>
    /// <param name="productRows">See <see cref="BackendResult.ProductRows"/>.</param>
    public static ReferenceResult Run(
        AttentionCase attentionCase, TileDecision[]? forced = null, (int Rows, int Keys)? denseTile = null, int productRows = 0)
    {
        ReferenceResult result = new(attentionCase);
        Parallel.For(0, attentionCase.Batch * attentionCase.DecisionHeads, index =>
        {
            (int sequence, int head) = Math.DivRem(index, attentionCase.DecisionHeads);
            if (attentionCase.Specification.Phase == AttentionPhase.Decode)
            {
                new ReferenceDecode(attentionCase, result, forced, sequence, head).Run();
            }
            else
            {
                new ReferencePrefill(attentionCase, result, forced, denseTile, productRows, sequence, head).Run();
            }
        });
        return result;
    }
}
