namespace SkipSoftmax.Cpu;

/// <summary>What one worker keeps of the query block it is at. Row arrays have a few rows more than the block, for kernels that round up.</summary>
internal unsafe struct QueryBlockScratch(int headDim, int queryBlock, int keyBlock)
{
    private const int SlackRows = PackedHeads.SlackRows;

    private readonly int RowFloats => queryBlock + 16;

    /// <summary>Floats of all arrays.</summary>
    public readonly long Floats => ((long)queryBlock * headDim) + ((keyBlock + SlackRows) * (long)queryBlock)
        + ((long)(queryBlock + SlackRows) * headDim) + (4 * RowFloats);

    /// <summary>Scaled queries, <c>[row panel][head_dim][row]</c>.</summary>
    public float* Query { get; private set; }

    /// <summary>Logits of the tile, then its softmax weights: <c>[key, row]</c>.</summary>
    public float* Logits { get; private set; }

    /// <summary>Floats from one key's logits to the next.</summary>
    public readonly nint Stride => queryBlock;

    /// <summary>m̃, log2 units.</summary>
    public float* TileMaximum { get; private set; }

    /// <summary>m, log2 units.</summary>
    public float* Maximum { get; private set; }

    /// <summary>l.</summary>
    public float* Denominator { get; private set; }

    /// <summary>exp(m before − m after the tile).</summary>
    public float* Decay { get; private set; }

    private float* Numerators { get; set; }

    /// <summary>o, one panel of columns: <c>[row, panel width]</c>.</summary>
    public readonly float* NumeratorPanel(int panel, int width) => Numerators + ((long)panel * (queryBlock + SlackRows) * width);

    /// <summary>Lays the arrays out in <see cref="Floats"/> floats of memory.</summary>
    public void Bind(float* memory)
    {
        Query = memory;
        Logits = Query + ((long)queryBlock * headDim);
        Numerators = Logits + ((keyBlock + SlackRows) * (long)queryBlock);
        TileMaximum = Numerators + ((long)(queryBlock + SlackRows) * headDim);
        Maximum = TileMaximum + RowFloats;
        Denominator = Maximum + RowFloats;
        Decay = Denominator + RowFloats;
        new Span<float>(TileMaximum, 4 * RowFloats).Clear();
    }

    /// <summary>No tile kept yet: m = −∞, l = 0, o = 0.</summary>
    public readonly void Reset()
    {
        new Span<float>(Maximum, RowFloats).Fill(float.NegativeInfinity);
        new Span<float>(Denominator, RowFloats).Clear();
        new Span<float>(Numerators, (queryBlock + SlackRows) * headDim).Clear();
    }
}
