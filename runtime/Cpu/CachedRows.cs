using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>Finds where the keys or the values of a tile lie, so that kernels know neither pages nor strides: one address a token.</summary>
internal readonly unsafe struct CachedRows(AttentionCall call, PinnedTensor tensor, byte** addresses)
{
    /// <summary>The rows of some neighbouring heads of a tile.</summary>
    /// <param name="sequence">Sequence.</param>
    /// <param name="firstHead">Key/value head that heads are counted from.</param>
    /// <param name="token">The first token.</param>
    /// <param name="tokens">How many: at least one. Addresses that fill the last step are the last token's.</param>
    /// <param name="heads">Which heads; must stay where they are.</param>
    /// <param name="count">How many heads.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public TileRows Find(int sequence, int firstHead, int token, int tokens, int* heads, int count)
    {
        bool paged = call.PagesPerSequence > 0;
        for (int done = 0; done < tokens;)
        {
            int run = paged ? Math.Min(tokens - done, call.PageSize - ((token + done) % call.PageSize)) : tokens;
            byte* row = paged
                ? tensor.At(call.PageOf(sequence, token + done), (token + done) % call.PageSize, firstHead)
                : tensor.At(sequence, token, firstHead);
            for (int end = done + run; done < end; done++, row += tensor.TokenBytes)
            {
                addresses[done] = row;
            }
        }
        new Span<nint>(addresses + tokens, TileRows.PaddedTo(tokens) - tokens).Fill((nint)addresses[tokens - 1]);
        return new(addresses, tensor.HeadBytes, tensor.RowBytes, heads, count, tokens);
    }
}
