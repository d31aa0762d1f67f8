namespace SkipSoftmax.Samples;

/// <summary>Keys and values of one sequence in pages of a pool, handed out in no particular order as they are after a server has run for a while.</summary>
public sealed class PagedCache
{
    private readonly PageShape shape;
    private readonly Half[] keys;
    private readonly Half[] values;
    private readonly int[] blockTable;
    private readonly Queue<int> freePages;
    private readonly int[] length = [0];

    /// <summary>An empty cache with room for so many tokens.</summary>
    public PagedCache(int tokens, int pageSize, int heads, int headDim)
    {
        int pages = (tokens + pageSize - 1) / pageSize;
        shape = new(pages, pageSize, heads, headDim);
        keys = new Half[pages * pageSize * heads * headDim];
        values = new Half[keys.Length];
        blockTable = new int[pages];
        int[] order = [.. Enumerable.Range(0, pages)];
        new Random(1).Shuffle(order);
        freePages = new(order);
    }

    /// <summary>Tokens in the cache.</summary>
    public int Length => length[0];

    /// <summary>Bytes of V that a dense step reads.</summary>
    public long ValueBytes => (long)Length * shape.Heads * shape.HeadDim * sizeof(ushort);

    /// <summary>Appends one token's key and value <c>[heads, head_dim]</c>, taking a page from the pool when the last one is full.</summary>
    public void Append(ReadOnlySpan<Half> key, ReadOnlySpan<Half> value)
    {
        (int page, int slot) = Math.DivRem(Length, shape.PageSize);
        if (slot == 0)
        {
            blockTable[page] = freePages.Dequeue();
        }
        int at = ((blockTable[page] * shape.PageSize) + slot) * shape.Heads * shape.HeadDim;
        key.CopyTo(keys.AsSpan(at));
        value.CopyTo(values.AsSpan(at));
        length[0]++;
    }

    /// <summary>What a decode call reads: one query token <c>[heads, head_dim]</c>, and the cache.</summary>
    public AttentionInputs Inputs(ReadOnlySpan<Half> query, TensorShape queryShape) => new(
        TensorView.Host(query, queryShape),
        PagedView.Host<Half>(keys, shape),
        PagedView.Host<Half>(values, shape),
        BlockTable.Host(blockTable, batch: 1, pagesPerSequence: blockTable.Length))
    {
        Scale = AttentionTensors.Scale,
        KeyLengths = length,
    };
}
