namespace SkipSoftmax;

/// <summary>Extents of a query, key, value or output tensor, in elements: <c>[batch, length, heads, head_dim]</c>.</summary>
/// <param name="Batch">Sequences.</param>
/// <param name="Length">Tokens: the capacity of each sequence where <see cref="AttentionInputs"/> gives lengths of their own.</param>
/// <param name="Heads">Query heads, or key/value heads.</param>
/// <param name="HeadDim">Elements in a head's vector.</param>
public readonly record struct TensorShape(int Batch, int Length, int Heads, int HeadDim)
{
    /// <summary>Strides of this shape when packed with <c>head_dim</c> fastest, then heads, length, batch (NHD, "BSHD").</summary>
    public TensorStrides Packed => new((long)Length * Heads * HeadDim, (long)Heads * HeadDim, HeadDim);

    /// <summary><c>[batch, length, heads, head_dim]</c>.</summary>
    public override string ToString() => $"[{Batch}, {Length}, {Heads}, {HeadDim}]";
}

/// <summary>Distances, in elements, from one index of a dimension to the next. The last dimension must be contiguous.</summary>
/// <param name="Batch">From one sequence to the next.</param>
/// <param name="Length">From one token to the next.</param>
/// <param name="Head">From one head to the next.</param>
/// <param name="Dim">From one element of a head's vector to the next: 1.</param>
public readonly record struct TensorStrides(long Batch, long Length, long Head, long Dim = 1)
{
    /// <summary><c>[batch, length, head, dim]</c>.</summary>
    public override string ToString() => $"[{Batch}, {Length}, {Head}, {Dim}]";
}

/// <summary>Where a buffer lies.</summary>
public enum MemoryKind
{
    /// <summary>Memory of this process. A GPU backend copies it to the device and the result back; the CPU path reads it in place.</summary>
    Host = 0,

    /// <summary>Memory of the CUDA device of the <see cref="AttentionContext"/>. Never copied.</summary>
    Device = 1,
}
