namespace SkipSoftmax.Cpu;

/// <summary>What the decode path keeps of each (sequence, key/value head) pair of a wave, for all query rows that share the keys.</summary>
internal unsafe struct DecodeScratch(int rows, int tiles, int keyBlock, int headDim)
{
    private float* memory;

    /// <summary>Floats of one pair: logits, a value a tile, maxima and numerators of every row.</summary>
    public readonly long FloatsPerPair => rows * RowFloats;

    private readonly long RowFloats => ((long)tiles * keyBlock) + tiles + headDim + 1;

    /// <summary>Lays the pairs out in memory.</summary>
    public void Bind(float* memory) => this.memory = memory;

    /// <summary>Logits of a tile, then its softmax weights: <c>[key]</c>.</summary>
    public readonly float* Logits(int slot, int row, int tile) => RowOf(slot, row) + ((long)tile * keyBlock);

    /// <summary>m̃ of a tile, then the sum of its weights.</summary>
    public readonly ref float TileValue(int slot, int row, int tile) => ref RowOf(slot, row)[((long)tiles * keyBlock) + tile];

    /// <summary>o: <c>[head_dim]</c>.</summary>
    public readonly float* Numerators(int slot, int row) => RowOf(slot, row) + ((long)tiles * keyBlock) + tiles;

    /// <summary>m over all kept tiles.</summary>
    public readonly ref float Maximum(int slot, int row) => ref RowOf(slot, row)[RowFloats - 1];

    private readonly float* RowOf(int slot, int row) => memory + (slot * FloatsPerPair) + (row * RowFloats);
}
