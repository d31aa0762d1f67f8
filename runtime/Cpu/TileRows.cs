using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>The rows of one head from a token on.</summary>
internal readonly unsafe struct HeadRows(byte** tokens, nint offset)
{
    /// <summary>Address of the row so many tokens later.</summary>
    public byte* this[int token]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => tokens[token] + offset;
    }
}

/// <summary>
/// The keys, or the values, of a tile for those heads that need them, in the order in which they are worked on: some tokens at a time, head by head.
/// </summary>
/// <param name="tokens">Addresses of the tokens, of which there are as many as <see cref="PaddedTo"/> says.</param>
/// <param name="headBytes">Bytes from one head to the next.</param>
/// <param name="bytes">Bytes of a row.</param>
/// <param name="heads">The heads, counted from the first of those that are at hand.</param>
/// <param name="count">How many heads; 0 where there is nothing to do.</param>
/// <param name="length">Tokens.</param>
internal readonly unsafe struct TileRows(byte** tokens, long headBytes, int bytes, int* heads, int count, int length)
{
    /// <summary>Tokens that are worked on in one go: enough that loading and storing the numerators is a small part.</summary>
    public const int Step = 8;

    /// <summary>Bytes that are fetched ahead: some times what a core's bandwidth times the latency of memory is.</summary>
    private const int BytesAhead = 16 << 10;

    private const int PageBytes = 4 << 10; // the smallest that processors have

    private const int BytesFetchedAtOnce = 128; // a row is of 64 bytes or of a multiple of 128

    private readonly byte** tokens = tokens;
    private readonly long headBytes = headBytes;
    private readonly int bytes = bytes;
    private readonly int* heads = heads;

    /// <summary>How many heads; 0 where there is nothing to do.</summary>
    public readonly int Count = count;

    /// <summary>Tokens of the tile.</summary>
    public readonly int Length = length;

    /// <summary>Tokens by which rows are fetched before they are worked on: whole steps, and no more than a tile.</summary>
    public int TokensAhead => Math.Clamp(BytesAhead / (Count * bytes) / Step * Step, Step, PaddedTo(Length));

    /// <summary>So many tokens and those that fill the last step.</summary>
    public static int PaddedTo(int length) => (length + Step - 1) / Step * Step;

    /// <summary>A head, counted from the first of those that are at hand.</summary>
    public int Head(int index) => heads[index];

    /// <summary>A head's rows from a token on: a whole step of them, even where the tile ends.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public HeadRows From(int index, int token) => new(tokens + token, (nint)(heads[index] * headBytes));

    /// <summary>The same heads and tokens where they have been copied to, rows side by side.</summary>
    public TileRows MovedTo(byte** newTokens, int newBytes) => new(newTokens, newBytes, newBytes, heads, Count, Length);

    /// <summary>
    /// What should be fetched while a head's rows from a token on are worked on: those that come so many tokens later, of this tile or, behind its end,
    /// of the next one, so that memory is never idle between the two. Where more heads of the next one fall to this head, theirs have been
    /// fetched on return; where there is nothing to fetch, these are the rows that are worked on.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public HeadRows Ahead(int index, int token, int tokensAhead, in TileRows next)
    {
        int later = token + tokensAhead;
        if (later < Length)
        {
            return From(index, later);
        }
        later -= PaddedTo(Length);
        if (index >= next.Count || later >= next.Length)
        {
            return From(index, token);
        }
        for (int i = index + Count; i < next.Count; i += Count)
        {
            next.Fetch(i, later, later + Step);
        }
        return next.From(index, later);
    }

    /// <summary>Has the tokens from one to another fetched for all heads, before the tile is worked on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void FetchFirst(int from, int to)
    {
        for (int i = 0; i < Count; i++)
        {
            Fetch(i, from, to);
        }
    }

    /// <summary>
    /// Reads from the pages that the tokens from one to another begin in, so that their translations are at hand when rows are fetched. A load
    /// that waits for a translation lets others pass; fetches wait, and the arithmetic behind them.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void TouchPages(int from, int to)
    {
        for (int token = from; token < Math.Min(to, Length); token++)
        {
            byte* row = From(0, token)[0];
            if (token == 0 || (nuint)row / PageBytes != (nuint)From(0, token - 1)[0] / PageBytes)
            {
                Volatile.Read(ref *row);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Fetch(int index, int first, int end)
    {
        for (int token = first; token < Math.Min(end, Length); token++)
        {
            byte* row = From(index, token)[0];
            for (int i = 0; i < bytes; i += BytesFetchedAtOnce)
            {
                CacheLine.Fetch(row + i, Math.Min(bytes, BytesFetchedAtOnce));
            }
        }
    }
}
