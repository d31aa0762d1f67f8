namespace SkipSoftmax;

/// <summary>
/// Which pages hold each sequence's tokens, packed <c>[batch, pages per sequence]</c>: token t of a sequence lies in the page that entry
/// <c>t / page size</c> of its row names. Entries past those that the sequence's length uses are never looked at.
/// </summary>
/// <remarks>In device memory it is read at each launch or graph replay, so that a captured graph serves growing sequences.</remarks>
public readonly ref struct BlockTable
{
    private BlockTable(InputBuffer<int> pages, int batch, int pagesPerSequence)
    {
        Pages = pages;
        Batch = batch;
        PagesPerSequence = pagesPerSequence;
    }

    /// <summary>Page numbers, row by row.</summary>
    public InputBuffer<int> Pages { get; }

    /// <summary>Rows: sequences.</summary>
    public int Batch { get; }

    /// <summary>Entries in a row: pages a sequence may have at most.</summary>
    public int PagesPerSequence { get; }

    /// <summary>Whether nothing was given.</summary>
    public bool IsEmpty => Pages.IsEmpty;

    /// <summary>A table in host memory.</summary>
    /// <exception cref="ArgumentException"><paramref name="pages"/> does not hold <paramref name="batch"/> × <paramref name="pagesPerSequence"/> entries.</exception>
    public static BlockTable Host(ReadOnlySpan<int> pages, int batch, int pagesPerSequence)
    {
        long entries = RequireExtents(batch, pagesPerSequence);
        return pages.Length == entries
            ? new(pages, batch, pagesPerSequence)
            : throw new ArgumentException($"pages holds {pages.Length} entries, but batch × pagesPerSequence = {batch} × {pagesPerSequence} = {entries}: pass the whole table.", nameof(pages));
    }

    /// <summary>A table of int32 in device memory.</summary>
    /// <exception cref="ArgumentException">The pointer is null, or an extent is not positive.</exception>
    public static BlockTable Device(nint pointer, int batch, int pagesPerSequence)
    {
        TensorLayout.RequirePointer(pointer);
        return new(InputBuffer<int>.Device(pointer, RequireExtents(batch, pagesPerSequence)), batch, pagesPerSequence);
    }

    private static long RequireExtents(int batch, int pagesPerSequence)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pagesPerSequence);
        return (long)batch * pagesPerSequence;
    }
}
