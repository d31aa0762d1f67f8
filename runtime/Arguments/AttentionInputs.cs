namespace SkipSoftmax;

/// <summary>
/// The tensors one call reads. Query heads must be a multiple of key/value heads (MHA, GQA, MQA): query head <c>h</c> attends to
/// key/value head <c>h / (query heads / key heads)</c>.
/// </summary>
public readonly ref struct AttentionInputs
{
    /// <summary>Makes the inputs of one call.</summary>
    /// <param name="query">Q <c>[batch, query length, query heads, head_dim]</c>.</param>
    /// <param name="key">K <c>[batch, key length, key/value heads, head_dim]</c>.</param>
    /// <param name="value">V, of K's shape.</param>
    public AttentionInputs(TensorView query, TensorView key, TensorView value)
    {
        Query = query;
        Key = key;
        Value = value;
    }

    /// <summary>Makes the inputs of one call on a paged cache, for declarations with <c>KvLayout.Paged</c>.</summary>
    /// <param name="query">Q <c>[batch, query length, query heads, head_dim]</c>.</param>
    /// <param name="key">Pages of K <c>[pages, page size, key/value heads, head_dim]</c>.</param>
    /// <param name="value">Pages of V, of K's shape; the strides may differ.</param>
    /// <param name="blockTable">Which pages hold each sequence's tokens. Give <see cref="KeyLengths"/> beside it: without them every sequence is
    /// as long as its row of the table.</param>
    public AttentionInputs(TensorView query, PagedView key, PagedView value, BlockTable blockTable)
    {
        Query = query;
        Key = key.Pool;
        Value = value.Pool;
        BlockTable = blockTable;
        IsPaged = true;
    }

    /// <summary>Q <c>[batch, query length, query heads, head_dim]</c>.</summary>
    public TensorView Query { get; }

    /// <summary>K <c>[batch, key length, key/value heads, head_dim]</c>; for a paged cache its pool <c>[pages, page size, key/value heads, head_dim]</c>.</summary>
    public TensorView Key { get; }

    /// <summary>V, of K's shape.</summary>
    public TensorView Value { get; }

    /// <summary>Which pages hold each sequence's tokens; empty for contiguous keys and values.</summary>
    public BlockTable BlockTable { get; }

    /// <summary>Whether keys and values were given as pages.</summary>
    internal bool IsPaged { get; }

    /// <summary>Factor of q·k, finite and &gt; 0; null (default) means <c>1 / √head_dim</c>.</summary>
    public float? Scale { get; init; }

    /// <summary>Query tokens of each sequence, <c>[batch]</c>, 0 … query length; not given: all of them. Output rows past a sequence's
    /// length are left as they were.</summary>
    public InputBuffer<int> QueryLengths { get; init; }

    /// <summary>Key tokens of each sequence, <c>[batch]</c>, 0 … key length (paged: pages per sequence × page size); not given: all of them. What
    /// lies past them is never used.</summary>
    public InputBuffer<int> KeyLengths { get; init; }

    /// <summary>CUDA stream (<c>CUstream</c> or <c>cudaStream_t</c>) the GPU work is enqueued on; 0 is the default stream.</summary>
    public nint Stream { get; init; }
}

/// <summary>What one call writes: the output tensor and, where the declaration asks for them, LSE, counters and decisions.</summary>
public readonly ref struct AttentionOutput
{
    /// <summary>Makes the outputs of one call.</summary>
    /// <param name="output">O, of Q's shape. It must not overlap an input.</param>
    public AttentionOutput(OutputView output) => Output = output;

    /// <summary>O <c>[batch, query length, query heads, head_dim]</c>.</summary>
    public OutputView Output { get; }

    /// <summary>Log-sum-exp of each row over the kept tiles, natural log, packed <c>[batch, query heads, query length]</c>; −∞ for a row
    /// with no key. For declarations with <c>ReturnLse</c>.</summary>
    public OutputBuffer<float> Lse { get; init; }

    /// <summary>Tiles visited and skipped, packed <c>[batch, query heads]</c>, in decode <c>[batch, key/value heads]</c>; overwritten by each call.
    /// For declarations with <c>CountTiles</c>.</summary>
    public OutputBuffer<TileCounters> Counters { get; init; }

    /// <summary>Every tile's decision, packed <c>[batch, query heads, query blocks, key blocks]</c>, in decode <c>[batch, key/value heads, 1, key
    /// blocks]</c>, where blocks = ⌈length / block⌉ of the extents that tensors or block table have; overwritten by each call. For
    /// declarations with <c>RecordDecisions</c>.</summary>
    public OutputBuffer<TileDecision> Decisions { get; init; }

    /// <summary>One word that says whether lengths and block table in device memory were in range; overwritten by each call. May be given in
    /// decode, where they can't be checked before the launch.</summary>
    public OutputBuffer<DecodeStatus> Status { get; init; }
}

/// <summary>Tiles of one sequence and head (in decode: key/value head). Tiles wholly outside the mask are not visited and are in neither number.</summary>
/// <param name="Visited">Tiles whose logits were computed.</param>
/// <param name="Skipped">Those of them whose softmax, P·V product and V were spared.</param>
public readonly record struct TileCounters(ulong Visited, ulong Skipped)
{
    /// <summary><c>Skipped / Visited</c>; 0 where nothing was visited.</summary>
    public double Sparsity => Visited == 0 ? 0 : (double)Skipped / Visited;
}

/// <summary>What happened to one tile.</summary>
public enum TileDecision : byte
{
    /// <summary>Wholly outside the mask or the sequence.</summary>
    NotVisited = 0,

    /// <summary>Took part in the softmax.</summary>
    Kept = 1,

    /// <summary>Left out.</summary>
    Skipped = 2,
}
