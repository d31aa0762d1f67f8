using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

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

    /// <summary>Floats of scratch memory that packing takes.</summary>
    public int ScratchFloats => ScratchKeys + (keyBlock * valueGroups.Padded);

    private int ScratchKeys => keyGroups.Padded * headDim;

    /// <summary>
    /// Packs a tile of neighbouring pairs, as many keys as each sequence has there. What else the groups have room for stays without meaning.
    /// </summary>
    /// <param name="call">The call.</param>
    /// <param name="firstPair">The pair that has slot 0.</param>
    /// <param name="slots">Which of them.</param>
    /// <param name="tile">The tile.</param>
    /// <param name="scratch">Memory of <see cref="ScratchFloats"/>.</param>
    public void Pack(AttentionCall call, int firstPair, Range slots, int tile, float* scratch)
    {
        float* keys = scratch;
        float* values = scratch + ScratchKeys;
        Fetch(call, firstPair + slots.Start.Value, tile);
        for (int slot = slots.Start.Value; slot < slots.End.Value; slot++)
        {
            // Rows are gathered before they are dealt out: memory is read while what was read before is written from front to back.
            (int sequence, int head, int first, int count) = Find(call, firstPair + slot, tile);
            for (int key = 0; key < count; key++)
            {
                call.Key.Read(sequence, first + key, head, keys + (key * headDim));
                call.Value.Read(sequence, first + key, head, values + (key * headDim));
            }
            if (slot + 1 < slots.End.Value)
            {
                Fetch(call, firstPair + slot + 1, tile);
            }
            DealOutKeys(keys, count, Keys(slot, tile));
            DealOutValues(values, count, Values(slot, tile));
            finite[(slot * tiles) + tile] = TensorPrimitives.IsFiniteAll(new ReadOnlySpan<float>(values, count * headDim));
        }
    }

    private (int Sequence, int Head, int FirstKey, int Count) Find(AttentionCall call, int pair, int tile)
    {
        (int sequence, int head) = Math.DivRem(pair, call.KeyValueHeads);
        int first = tile * keyBlock;
        return (sequence, head, first, Math.Clamp(call.KeyLengthOf(sequence) - first, 0, keyBlock));
    }

    private void Fetch(AttentionCall call, int pair, int tile)
    {
        (int sequence, int head, int first, int count) = Find(call, pair, tile);
        call.Key.Fetch(sequence, first, count, head);
        call.Value.Fetch(sequence, first, count, head);
    }

    private void DealOutKeys(float* rows, int count, float* keys)
    {
        for (int key = 0, group; key < count; key += group)
        {
            group = keyGroups.SizeAt(key);
            float* row = rows + ((nint)key * headDim);
            float* column = keys + ((nint)key * headDim);
            Transposition.Copy(row, headDim, ColumnGroups.Short, headDim, column, group);
            if (group == ColumnGroups.Tall)
            {
                Transposition.CopyPair(row + (ColumnGroups.Short * headDim), headDim, headDim, column + ColumnGroups.Short, group);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void DealOutValues(float* rows, int count, float* values)
    {
        for (int column = 0, group; column < headDim; column += group, values += keyBlock * group)
        {
            group = valueGroups.SizeAt(column);
            float* row = rows + column;
            float* value = values;
            for (int key = 0; key < count; key++, row += headDim, value += group)
            {
                Unsafe.CopyBlockUnaligned(value, row, ColumnGroups.Short * sizeof(float));
                if (group == ColumnGroups.Tall)
                {
                    Unsafe.CopyBlockUnaligned(value + ColumnGroups.Short, row + ColumnGroups.Short, (ColumnGroups.Tall - ColumnGroups.Short) * sizeof(float));
                }
            }
        }
    }

    private static long KeyTile(int keyBlock, int headDim) => (long)new ColumnGroups(keyBlock).Padded * headDim;

    private static long ValueTile(int keyBlock, int headDim) => (long)new ColumnGroups(headDim).Padded * keyBlock;
}
