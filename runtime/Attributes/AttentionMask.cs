namespace SkipSoftmax;

/// <summary>Which keys a query may attend to.</summary>
public enum AttentionMask
{
    /// <summary>Every query attends to every key.</summary>
    None = 0,

    /// <summary>
    /// Query <c>i</c> attends to keys <c>0 … i + (key length − query length)</c>: causal, aligned at the bottom right, so that the
    /// last query sees every key. A row with no key left (query length above key length) gives zeros and an LSE of −∞.
    /// </summary>
    Causal = 1,
}
