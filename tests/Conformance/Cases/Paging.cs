namespace SkipSoftmax.Conformance;

/// <summary>How the tokens of a case are laid out as pages.</summary>
public sealed record Paging
{
    /// <summary>Decides the order of the pages and what stands in unused entries.</summary>
    public required int Seed { get; init; }

    /// <summary>Tokens within heads (HND) instead of heads within tokens (NHD).</summary>
    public bool TokensWithinHeads { get; init; }

    /// <summary>Entries in a row of the block table beyond what the longest sequence needs.</summary>
    public int SpareEntries { get; init; }

    /// <summary>Elements between one token, or one head, and the next, and between pages.</summary>
    public int Gap { get; init; }
}

/// <summary>Pools and block table made from the tokens of a case. Pages come in random order; a page's tokens past its sequence's end, and pages
/// that no sequence has, are poison; unused entries of the table name pages that don't exist.</summary>
public sealed class PagedCache
{
    private const int UnusedPages = 3;

    private PagedCache(HostTensor key, HostTensor value, int[] table, int pagesPerSequence, int[]? keyLengths) =>
        (Key, Value, Table, PagesPerSequence, KeyLengths) = (key, value, table, pagesPerSequence, keyLengths);

    /// <summary>Pool of K: its batch dimension are the pages, its length is the page size.</summary>
    public HostTensor Key { get; }

    /// <summary>Pool of V.</summary>
    public HostTensor Value { get; }

    /// <summary>Packed <c>[batch, pages per sequence]</c>.</summary>
    public int[] Table { get; }

    public int PagesPerSequence { get; }

    /// <summary>Tokens of each sequence, since a table has room for more; the case's own where every sequence fills its table.</summary>
    public int[]? KeyLengths { get; }

    /// <summary>Lays out a case. Sequences that are one in memory (a batch stride of 0) share their pages.</summary>
    public static PagedCache Of(AttentionCase attentionCase)
    {
        Paging paging = attentionCase.Paging!;
        int pageSize = attentionCase.Specification.PageSize;
        int[] used = [.. Enumerable.Range(0, attentionCase.Batch).Select(sequence => AttentionCase.BlocksOf(attentionCase.KeyLengthOf(sequence), pageSize))];
        bool shared = attentionCase.Key.Strides.Batch == 0 && attentionCase.Batch > 1;
        Random random = new(paging.Seed);
        int[] pages = [.. Enumerable.Range(0, (shared ? used.Max() : used.Sum()) + UnusedPages)];
        random.Shuffle(pages);
        int[] wrong = [-1, int.MinValue, int.MaxValue, pages.Length, pages.Length + 1000];

        int[] table = new int[attentionCase.Batch * attentionCase.PagesPerSequence];
        int taken = 0;
        for (int sequence = 0; sequence < attentionCase.Batch; sequence++)
        {
            for (int entry = 0; entry < attentionCase.PagesPerSequence; entry++)
            {
                table[(sequence * attentionCase.PagesPerSequence) + entry] = entry >= used[sequence] ? wrong[random.Next(wrong.Length)] : pages[shared ? entry : taken++];
            }
        }
        return new(MakePool(attentionCase, attentionCase.Key, table, pages.Length), MakePool(attentionCase, attentionCase.Value, table, pages.Length),
            table, attentionCase.PagesPerSequence,
            attentionCase.GivesKeyLengths ? [.. Enumerable.Range(0, attentionCase.Batch).Select(attentionCase.KeyLengthOf)] : null);
    }

    private static HostTensor MakePool(AttentionCase attentionCase, HostTensor tensor, int[] table, int pages)
    {
        int pageSize = attentionCase.Specification.PageSize;
        (int heads, int headDim, long gap) = (tensor.Shape.Heads, tensor.Shape.HeadDim, attentionCase.Paging!.Gap);
        long inner = headDim + gap;
        bool headsInner = !attentionCase.Paging.TokensWithinHeads;
        long outer = (inner * (headsInner ? heads : pageSize)) + gap;
        long page = (outer * (headsInner ? pageSize : heads)) + gap;
        HostTensor pool = new(tensor.Element, new(pages, pageSize, heads, headDim), new(page, headsInner ? outer : inner, headsInner ? inner : outer));
        for (int sequence = 0; sequence < attentionCase.Batch; sequence++)
        {
            for (int token = 0; token < attentionCase.KeyLengthOf(sequence); token++)
            {
                int at = table[(sequence * attentionCase.PagesPerSequence) + (token / pageSize)];
                for (int head = 0; head < heads; head++)
                {
                    tensor.CopyVector(sequence, token, head, pool, at, token % pageSize, head);
                }
            }
        }
        return pool;
    }
}
