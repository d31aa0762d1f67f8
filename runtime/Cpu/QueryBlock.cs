namespace SkipSoftmax.Cpu;

/// <summary>
/// The state of one query block on its way over the key tiles; reused from block to block. Rows lie in panels of as many as the product
/// kernels take, one row a lane: <c>[panel][column][row]</c>.
/// </summary>
internal sealed unsafe class QueryBlock
{
    /// <summary>Rows are rounded up to it: a multiple of every panel's width.</summary>
    private const int RowStep = 32;

    private const int RowArrays = 4;

    private readonly int capacity;
    private readonly int headDim;
    private readonly int logitColumns;
    private readonly float* query;
    private readonly float* logits;
    private readonly float* numerators;

    /// <summary>Lays the block out in <see cref="Floats"/> floats of memory of its own and <see cref="LogitFloats"/> that blocks share.</summary>
    public QueryBlock(int capacity, int keyBlock, int headDim, float* memory, float* logits)
    {
        this.capacity = capacity;
        this.headDim = headDim;
        this.logits = logits;
        logitColumns = new ColumnGroups(keyBlock).Padded;
        query = memory;
        numerators = query + (PaddedRows(capacity) * headDim);
        TileMaximum = numerators + (PaddedRows(capacity) * new ColumnGroups(headDim).Padded);
        Maximum = TileMaximum + PaddedRows(capacity);
        Denominator = Maximum + PaddedRows(capacity);
        Decay = Denominator + PaddedRows(capacity);
        new Span<float>(TileMaximum, RowArrays * (int)PaddedRows(capacity)).Clear();
    }

    /// <summary>Which block of its sequence.</summary>
    public int Index { get; private set; }

    /// <summary>The first query token.</summary>
    public int FirstRow => Index * capacity;

    /// <summary>Valid rows; 0 past the sequence's end.</summary>
    public int Rows { get; private set; }

    /// <summary>Key tiles to visit.</summary>
    public int Tiles { get; set; }

    /// <summary>Key tiles visited so far.</summary>
    public int Visited { get; set; }

    /// <summary>Those of them that were skipped.</summary>
    public int Skipped { get; set; }

    /// <summary>m̃, log2 units.</summary>
    public float* TileMaximum { get; }

    /// <summary>m, log2 units.</summary>
    public float* Maximum { get; }

    /// <summary>l.</summary>
    public float* Denominator { get; }

    /// <summary>exp(m before − m after the tile).</summary>
    public float* Decay { get; }

    /// <summary>Memory of one block.</summary>
    public static long Floats(int capacity, int headDim) => PaddedRows(capacity) * (headDim + new ColumnGroups(headDim).Padded + RowArrays);

    /// <summary>Memory of the logits of one tile.</summary>
    public static long LogitFloats(int capacity, int keyBlock) => PaddedRows(capacity) * new ColumnGroups(keyBlock).Padded;

    /// <summary>Scaled queries of the panel that starts at a row: <c>[head_dim, row]</c>.</summary>
    public float* Query(int row) => query + ((nint)row * headDim);

    /// <summary>Logits of the tile, then its softmax weights, of the panel that starts at a row: <c>[key, row]</c>.</summary>
    public float* Logits(int row) => logits + ((nint)row * logitColumns);

    /// <summary>o of the panel that starts at a row: <c>[column, row]</c>.</summary>
    public float* Numerators(int row) => numerators + ((nint)row * new ColumnGroups(headDim).Padded);

    /// <summary>Turns to another block, of which no tile is kept yet: m = −∞, l = 0, o = 0.</summary>
    public void Begin(int index, int queryLength)
    {
        Index = index;
        Rows = (int)Math.Clamp(queryLength - ((long)index * capacity), 0, capacity);
        Visited = 0;
        Skipped = 0;
        int rows = (int)PaddedRows(capacity);
        new Span<float>(Maximum, rows).Fill(float.NegativeInfinity);
        new Span<float>(Denominator, rows).Clear();
        new Span<float>(numerators, rows * new ColumnGroups(headDim).Padded).Clear();
    }

    private static long PaddedRows(int capacity) => (capacity + (RowStep - 1L)) / RowStep * RowStep;
}
