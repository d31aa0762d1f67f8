namespace SkipSoftmax.Cpu;

/// <summary>
/// Keys and values of a few (sequence, key/value head) pairs as contiguous float32, in the layouts the product kernels stream. Packed
/// once and read by every query block of every head in the group; only as many pairs at a time as stay in the last-level cache, so the
/// memory does not grow with batch or heads.
/// </summary>
internal readonly unsafe struct PackedHeads(float* memory, long keyRows, int headDim, int panelWidth)
{
    /// <summary>Keys packed by one work item.</summary>
    public const int Chunk = 64;

    /// <summary>Rows past the last key that a product kernel may touch, without any meaning, when it rounds a tile up to whole groups.</summary>
    public const int SlackRows = 8;

    /// <summary>Floats of one pair, keys and values.</summary>
    public static long FloatsPerPair(long keyRows, int headDim) => 2 * keyRows * headDim;

    /// <summary>Keys of the pair in this slot, <c>[key, head_dim]</c>.</summary>
    public float* Keys(int slot) => memory + (slot * FloatsPerPair(keyRows, headDim));

    /// <summary>One panel of the slot's value columns, <c>[key, panelWidth]</c>.</summary>
    public float* Values(int slot, int panel) => Keys(slot) + (keyRows * (headDim + ((long)panel * panelWidth)));

    /// <summary>Packs the tokens from <paramref name="first"/> up to <paramref name="end"/> of one pair.</summary>
    public void Pack(AttentionCall call, int slot, int sequence, int head, int first, int end)
    {
        float* vector = stackalloc float[headDim];
        for (int token = first; token < end; token++)
        {
            call.Key.Read(sequence, token, head, Keys(slot) + ((long)token * headDim));
            call.Value.Read(sequence, token, head, vector);
            for (int panel = 0; panel < headDim / panelWidth; panel++)
            {
                new ReadOnlySpan<float>(vector + (panel * panelWidth), panelWidth)
                    .CopyTo(new Span<float>(Values(slot, panel) + ((long)token * panelWidth), panelWidth));
            }
        }
    }
}
