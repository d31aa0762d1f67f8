namespace SkipSoftmax.Cpu;

/// <summary>
/// The state of one query block on its way over the key tiles; reused from block to block. Row arrays have a few rows more than the
/// block, for kernels that round up.
/// </summary>
internal sealed unsafe class QueryBlock
{
    private const int SlackRows = PackedHeads.SlackRows;
    private const int RowArrays = 4;

    private readonly int capacity;
    private readonly int headDim;
    private readonly float* numerators;

    /// <summary>Lays the block out in <see cref="Floats"/> floats of memory of its own and <see cref="LogitFloats"/> that blocks share.</summary>
    public QueryBlock(int capacity, int headDim, float* memory, float* logits)
    {
        this.capacity = capacity;
        this.headDim = headDim;
        Logits = logits;
        Query = memory;
        numerators = Query + ((long)capacity * headDim);
        TileMaximum = numerators + ((long)(capacity + SlackRows) * headDim);
        Maximum = TileMaximum + RowFloats(capacity);
        Denominator = Maximum + RowFloats(capacity);
        Decay = Denominator + RowFloats(capacity);
        new Span<float>(TileMaximum, RowArrays * RowFloats(capacity)).Clear();
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

    /// <summary>Scaled queries, <c>[row panel][head_dim][row]</c>.</summary>
    public float* Query { get; }

    /// <summary>Logits of the tile, then its softmax weights: <c>[key, row]</c>.</summary>
    public float* Logits { get; }

    /// <summary>Floats from one key's logits to the next.</summary>
    public nint Stride => StrideOf(capacity);

    /// <summary>m̃, log2 units.</summary>
    public float* TileMaximum { get; }

    /// <summary>m, log2 units.</summary>
    public float* Maximum { get; }

    /// <summary>l.</summary>
    public float* Denominator { get; }

    /// <summary>exp(m before − m after the tile).</summary>
    public float* Decay { get; }

    /// <summary>Memory of one block.</summary>
    public static long Floats(int capacity, int headDim) =>
        ((long)capacity * headDim) + ((long)(capacity + SlackRows) * headDim) + (RowArrays * RowFloats(capacity));

    /// <summary>Memory of the logits of one tile.</summary>
    public static long LogitFloats(int capacity, int keyBlock) => (keyBlock + SlackRows) * (long)StrideOf(capacity);

    /// <summary>o, one panel of columns: <c>[row, width]</c>.</summary>
    public float* NumeratorPanel(int panel, int width) => numerators + ((long)panel * (capacity + SlackRows) * width);

    /// <summary>Turns to another block, of which no tile is kept yet: m = −∞, l = 0, o = 0.</summary>
    public void Begin(int index, int queryLength)
    {
        Index = index;
        Rows = (int)Math.Clamp(queryLength - ((long)index * capacity), 0, capacity);
        Visited = 0;
        Skipped = 0;
        new Span<float>(Maximum, RowFloats(capacity)).Fill(float.NegativeInfinity);
        new Span<float>(Denominator, RowFloats(capacity)).Clear();
        new Span<float>(numerators, (capacity + SlackRows) * headDim).Clear();
    }

    private static int RowFloats(int capacity) => capacity + 16;

    /// <summary>No power of two, or stores and loads some keys apart would alias.</summary>
    private static nint StrideOf(int capacity) => capacity + 16;
}
