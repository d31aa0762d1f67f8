using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SkipSoftmax.Cpu;

/// <summary>The keys, or the values, of a tile for those heads that need them, in the order in which they are worked on: token by token, head by head.</summary>
internal readonly unsafe struct TileRows(byte** tokens, long headBytes, int bytes, int* heads, int count, int length)
{
    private const int CacheLine = 64;

    /// <summary>
    /// Bytes that are fetched ahead, to the second-level cache: many times what a core's bandwidth times the latency of memory is. Fetched to the first level, they
    /// would hold the few buffers of its misses for all of that latency, and loads from the second level would wait behind them.
    /// </summary>
    private const int BytesAhead = 64 << 10;

    private readonly byte** tokens = tokens;
    private readonly long headBytes = headBytes;
    private readonly int bytes = bytes;
    private readonly int* heads = heads;

    /// <summary>How many heads; 0 where there is nothing to do.</summary>
    public readonly int Count = count;

    /// <summary>Tokens of the tile.</summary>
    public readonly int Length = length;

    /// <summary>Tokens by which rows should be fetched before they are worked on: no more than a tile.</summary>
    public int TokensAhead => Math.Min(BytesAhead / (Math.Max(1, Count) * bytes), Length);

    /// <summary>A head, counted from the first of those that are at hand.</summary>
    public int Head(int index) => heads[index];

    /// <summary>Where the first head at hand has its rows, from a token on.</summary>
    public byte** From(int token) => tokens + token;

    /// <summary>Bytes from there to a head's.</summary>
    public nint Offset(int index) => (nint)(heads[index] * headBytes);

    /// <summary>The same heads and tokens where they have been copied to, rows side by side.</summary>
    public TileRows MovedTo(byte** newTokens, int newBytes) => new(newTokens, newBytes, newBytes, heads, Count, Length);

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
        if (later < Length)
        {
            Fetch(index, later, Math.Min(later + step, Length));
            return;
        }
        later -= Length;
        for (int i = index; i < next.Count; i += Count)
        {
            next.Fetch(i, later, Math.Min(later + step, next.Length));
        }
    }

    /// <summary>Has the tokens from one to another fetched for all heads, before the tile is worked on.</summary>
    public void FetchFirst(int from, int to)
    {
        for (int i = 0; i < Count; i++)
        {
            Fetch(i, from, Math.Min(to, Length));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Fetch(int index, int first, int end)
    {
        nint offset = Offset(index);
        for (int token = first; Sse.IsSupported && token < end; token++)
        {
            byte* line = tokens[token] + offset;
            for (byte* last = line + bytes; line < last; line += 2 * CacheLine) // a row is of one line or of pairs
            {
                Sse.Prefetch1(line);
                Sse.Prefetch1(line + CacheLine);
            }
        }
    }
}
