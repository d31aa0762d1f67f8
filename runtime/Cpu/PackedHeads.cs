using System.Numerics.Tensors;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Keys and values of a few (sequence, key/value head) pairs as contiguous float32, tile by tile in the groups of columns that the product
/// kernels take. Packed once and read by every query block of every head in the group; only as many pairs at a time as stay in the
/// last-level cache, so the memory does not grow with batch or heads.
/// </summary>
internal readonly unsafe struct PackedHeads(float* memory, int slots, int tiles, int keyBlock, int headDim)
{
    private readonly ColumnGroups keyGroups = new(keyBlock);
    private readonly ColumnGroups valueGroups = new(headDim);
    private readonly bool[] finite = new bool[slots * tiles];

    /// <summary>Floats of one pair, keys and values.</summary>
    public static long FloatsPerPair(int tiles, int keyBlock, int headDim) => tiles * (KeyTile(keyBlock, headDim) + ValueTile(keyBlock, headDim));

    /// <summary>Keys of a tile: the group that starts at key c is <c>[head_dim, group]</c>, c · head_dim floats from here.</summary>
    public float* Keys(int slot, int tile) => memory + (slot * FloatsPerPair(tiles, keyBlock, headDim)) + (tile * KeyTile(keyBlock, headDim));

    /// <summary>Values of a tile: the group that starts at column c is <c>[key block, group]</c>, c · key block floats from here.</summary>
    public float* Values(int slot, int tile) => Keys(slot, tiles) + (tile * ValueTile(keyBlock, headDim));

    /// <summary>Whether all values of a tile are finite, so that a weight of 0 takes them out of a sum.</summary>
    public bool IsFinite(int slot, int tile) => finite[(slot * tiles) + tile];

    /// <summary>Packs a tile of one pair, as many keys as the sequence has there. What else the groups have room for stays without meaning.</summary>
    public void Pack(AttentionCall call, int slot, int sequence, int head, int tile)
    {
        float* keys = Keys(slot, tile);
        float* values = Values(slot, tile);
        float* vector = stackalloc float[headDim];
        int first = tile * keyBlock;
        int count = Math.Min(keyBlock, call.KeyLengthOf(sequence) - first);
        bool allFinite = true;
        for (int key = 0; key < count; key++)
        {
            call.Key.Read(sequence, first + key, head, vector);
            int start = keyGroups.StartOf(key);
            int group = keyGroups.SizeAt(start);
            float* column = keys + ((nint)start * headDim) + (key - start);
            for (int i = 0; i < headDim; i++)
            {
                column[i * group] = vector[i];
            }
            call.Value.Read(sequence, first + key, head, vector);
            allFinite &= TensorPrimitives.MaxMagnitude(new ReadOnlySpan<float>(vector, headDim)) <= float.MaxValue; // false beside a NaN
            for (start = 0; start < headDim; start += group)
            {
                group = valueGroups.SizeAt(start);
                float* row = values + ((nint)start * keyBlock) + (key * group);
                for (int i = 0; i < Math.Min(group, headDim - start); i++)
                {
                    row[i] = vector[start + i];
                }
            }
        }
        finite[(slot * tiles) + tile] = allFinite;
    }

    private static long KeyTile(int keyBlock, int headDim) => (long)new ColumnGroups(keyBlock).Padded * headDim;

    private static long ValueTile(int keyBlock, int headDim) => (long)new ColumnGroups(headDim).Padded * keyBlock;
}
