using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Where the keys or the values of a tile lie, for some neighbouring heads: one address a head vector, so that kernels know neither pages nor
/// strides.
/// </summary>
internal readonly unsafe struct CachedRows(AttentionCall call, PinnedTensor tensor, int keyBlock, byte** addresses)
{
    /// <summary>Addresses for a tile of so many heads.</summary>
    public static int Count(int heads, int keyBlock) => heads * keyBlock;

    /// <summary>The rows of some heads, to be worked on.</summary>
    /// <param name="heads">Which, counted from the first; must stay where they are.</param>
    /// <param name="count">How many.</param>
    /// <param name="tokens">Tokens of the tile.</param>
    public TileRows Tile(int* heads, int count, int tokens) => new(addresses, keyBlock, tensor.RowBytes, heads, count, tokens);

    /// <summary>The rows of one head, counted from the first.</summary>
    public byte** Of(int head) => addresses + ((long)head * keyBlock);

    /// <summary>Finds the rows of one head.</summary>
    /// <param name="head">Counted from the first of the heads.</param>
    /// <param name="sequence">Sequence.</param>
    /// <param name="keyHead">Key/value head.</param>
    /// <param name="token">The first token.</param>
    /// <param name="tokens">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Find(int head, int sequence, int keyHead, int token, int tokens)
    {
        byte** rows = Of(head);
        bool paged = call.PagesPerSequence > 0;
        for (int done = 0; done < tokens;)
        {
            int run = paged ? Math.Min(tokens - done, call.PageSize - ((token + done) % call.PageSize)) : tokens;
            byte* row = paged
                ? tensor.At(call.PageOf(sequence, token + done), (token + done) % call.PageSize, keyHead)
                : tensor.At(sequence, token, keyHead);
            for (int end = done + run; done < end; done++, row += tensor.TokenBytes)
            {
                rows[done] = row;
            }
        }
    }
}
