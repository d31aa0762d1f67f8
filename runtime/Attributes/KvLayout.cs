namespace SkipSoftmax;

/// <summary>How the keys and values of a sequence lie in memory.</summary>
public enum KvLayout
{
    /// <summary>One tensor <c>[batch, key length, key/value heads, head_dim]</c> with any strides.</summary>
    Contiguous = 0,

    /// <summary>Pages of <c>PageSize</c> tokens anywhere in a pool, found through a block table, as vLLM, FlashInfer and TensorRT-LLM keep their
    /// caches. For decode.</summary>
    Paged = 1,
}
