namespace SkipSoftmax;

/// <summary>
/// Order in which the key tiles of a query tile are visited. Decisions depend on it, so a calibrated threshold belongs to one order.
/// </summary>
public enum TileOrder
{
    /// <summary>Last key tile first (under a causal mask: the diagonal), then towards key 0. Least damage at equal sparsity.</summary>
    Descending = 0,

    /// <summary>Key tile 0 first, as most public kernels run.</summary>
    Ascending = 1,

    /// <summary>Key tile 0 (the attention sink), then the last tile and downwards: most tiles skipped at one λ.</summary>
    SinkFirst = 2,
}
