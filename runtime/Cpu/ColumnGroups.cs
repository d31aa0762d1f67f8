namespace SkipSoftmax.Cpu;

/// <summary>
/// How the columns of a packed matrix fall into groups that a product kernel takes at once: <see cref="Tall"/> columns each, then what is
/// left by <see cref="Short"/>, so that no group computes much for nothing. Within a group the columns of one step lie side by side.
/// </summary>
internal readonly struct ColumnGroups
{
    /// <summary>Columns of a tall group: with two vectors each, twelve sums.</summary>
    public const int Tall = 6;

    /// <summary>Columns of a short group.</summary>
    public const int Short = 4;

    private readonly int inTall;

    /// <summary>Splits so many columns.</summary>
    public ColumnGroups(int columns)
    {
        // 2 left over would half fill a short group; with a tall one less, 8 fill two.
        int tall = columns / Tall;
        inTall = (columns % Tall == 2 && tall > 0 ? tall - 1 : tall) * Tall;
        Padded = inTall + ((columns - inTall + Short - 1) / Short * Short);
    }

    /// <summary>All columns of the groups; the last few may be beyond the matrix.</summary>
    public int Padded { get; }

    /// <summary>Columns of the group that starts at this one.</summary>
    public int SizeAt(int column) => column < inTall ? Tall : Short;

    /// <summary>First column of the group that holds this one.</summary>
    public int StartOf(int column) => column < inTall ? column / Tall * Tall : inTall + ((column - inTall) / Short * Short);
}
