using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SkipSoftmax.Cpu;

/// <summary>The keys, or the values, of a tile for those heads that need them, in the order in which they are worked on: token by token, head by head.</summary>
internal readonly unsafe struct TileRows(byte** addresses, int keyBlock, int bytes, int* heads, int count, int tokens)
{
    private const int CacheLine = 64;

    /// <summary>Bytes to be on their way from memory to a core at any time: its bandwidth times the latency, and some more.</summary>
    private const int BytesAhead = 8 << 10;

    private readonly byte** addresses = addresses;
    private readonly int* heads = heads;
    private readonly int keyBlock = keyBlock;
    private readonly int bytes = bytes;

    /// <summary>How many heads; 0 where there is nothing to do.</summary>
    public readonly int Count = count;

    /// <summary>Tokens of the tile.</summary>
    public readonly int Tokens = tokens;

    /// <summary>Tokens by which rows should be fetched before they are worked on.</summary>
    public int TokensAhead => BytesAhead / (Math.Max(1, Count) * bytes);

    /// <summary>A head, counted from the first of those that are at hand.</summary>
    public int Head(int index) => heads[index];

    /// <summary>The rows of a head.</summary>
    public byte** Of(int index) => addresses + ((long)heads[index] * keyBlock);

    /// <summary>
    /// While a head's rows from a token on are worked on, has those fetched that come so many tokens later, of this tile or, behind its end, of the
    /// next one: memory is never idle between the two.
    /// </summary>
    /// <param name="index">Position of the head among the heads.</param>
    /// <param name="later">The token that comes so much later.</param>
    /// <param name="step">Tokens worked on in one go.</param>
    /// <param name="next">The tile that is worked on next.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void FetchAhead(int index, int later, int step, in TileRows next)
    {
        if (later < Tokens)
        {
            Fetch(index, later, Math.Min(later + step, Tokens));
            return;
        }
        later -= Tokens;
        for (int i = index; i < next.Count; i += Count)
        {
            next.Fetch(i, later, Math.Min(later + step, next.Tokens));
        }
    }

    /// <summary>Has the tokens from one to another fetched for all heads, before the tile is worked on.</summary>
    public void FetchFirst(int from, int to)
    {
        for (int i = 0; i < Count; i++)
        {
            Fetch(i, from, Math.Min(to, Tokens));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Fetch(int index, int first, int end)
    {
        byte** rows = Of(index);
        for (int row = first; Sse.IsSupported && row < end; row++)
        {
            byte* line = rows[row];
            for (byte* last = line + bytes; line < last; line += 2 * CacheLine) // a row is of one line or of pairs
            {
                Sse.Prefetch0(line);
                Sse.Prefetch0(line + CacheLine);
            }
        }
    }
}
