namespace SkipSoftmax.Cpu;

/// <summary>How the query rows that share a key/value head are laid out: head by head, then token by token, in panels of four.</summary>
internal readonly unsafe struct DecodeLayout(int rows, int headDim)
{
    private const int Panel = 4;
    private const int CacheLineFloats = 16;

    /// <summary>Rows with those that fill the last panel.</summary>
    public int Rows { get; } = (rows + Panel - 1) / Panel * Panel;

    /// <summary>Floats of one partial result.</summary>
    public long PartialFloats { get; } = ((rows + Panel - 1) / Panel * Panel * (headDim + 2L) + CacheLineFloats - 1) / CacheLineFloats * CacheLineFloats;

    /// <summary>The partial result so many heads behind the first.</summary>
    public DecodePartial Partial(float* first, int head)
    {
        float* memory = first + (head * PartialFloats);
        float* state = memory + ((long)Rows * headDim);
        return new(state, state + Rows, memory);
    }
}

/// <summary>Online-softmax state of the rows over some tiles: m in log2 units, l, and o in kernel order.</summary>
internal readonly unsafe struct DecodePartial(float* maximum, float* denominator, float* numerators)
{
    /// <summary>m <c>[row]</c>.</summary>
    public float* Maximum => maximum;

    /// <summary>l <c>[row]</c>.</summary>
    public float* Denominator => denominator;

    /// <summary>o <c>[row, head_dim]</c>.</summary>
    public float* Numerators => numerators;
}
