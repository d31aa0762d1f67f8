using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>Where the keys or values of a tile lie, contiguous or paged: one address for each, so that kernels know neither pages nor strides.</summary>
internal static unsafe class CachedRows
{
    /// <summary>Writes the addresses of consecutive head vectors.</summary>
    /// <param name="call">The call, for its block table.</param>
    /// <param name="tensor">K or V.</param>
    /// <param name="sequence">Sequence.</param>
    /// <param name="head">Key/value head.</param>
    /// <param name="token">The first token.</param>
    /// <param name="tokens">How many.</param>
    /// <param name="rows">Written.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Find(AttentionCall call, in PinnedTensor tensor, int sequence, int head, int token, int tokens, byte** rows)
    {
        bool paged = call.PagesPerSequence > 0;
        for (int done = 0; done < tokens;)
        {
            int run = paged ? Math.Min(tokens - done, call.PageSize - ((token + done) % call.PageSize)) : tokens;
            byte* row = paged
                ? tensor.At(call.PageOf(sequence, token + done), (token + done) % call.PageSize, head)
                : tensor.At(sequence, token, head);
            for (int end = done + run; done < end; done++, row += tensor.TokenBytes)
            {
                rows[done] = row;
            }
        }
    }
}
