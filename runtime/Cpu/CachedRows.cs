using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Where the keys or the values of a tile lie, for some neighbouring heads: one address a head vector, so that kernels know neither pages nor
/// strides.
/// </summary>
internal readonly unsafe struct CachedRows(AttentionCall call, PinnedTensor tensor, int keyBlock, byte** addresses)
{
    private const int CacheLine = 64;

    /// <summary>Bytes to be on their way from memory to a core at any time: its bandwidth times the latency, and some more.</summary>
    private const int BytesAhead = 8 << 10;

    private readonly int bytes = tensor.RowBytes;

    /// <summary>Addresses for a tile of so many heads.</summary>
    public static int Count(int heads, int keyBlock) => heads * keyBlock;

    /// <summary>Tokens by which so many heads, that are worked on token by token, should be fetched ahead.</summary>
    public int TokensAhead(int heads) => Math.Max(2, BytesAhead / (heads * bytes));

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

    /// <summary>Has some rows fetched into the first-level cache.</summary>
    /// <param name="rows">Of one head.</param>
    /// <param name="first">The first row.</param>
    /// <param name="end">Behind the last row.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fetch(byte** rows, int first, int end)
    {
        for (int row = first; Sse.IsSupported && row < end; row++)
        {
            byte* at = rows[row];
            for (int offset = 0; offset < bytes; offset += CacheLine)
            {
                Sse.Prefetch0(at + offset);
            }
        }
    }
}
