namespace SkipSoftmax;

/// <summary>Shape and strides of a tensor span of System.Numerics.Tensors, in this library's terms.</summary>
internal static class TensorSpanLayout
{
    /// <exception cref="ArgumentException">The tensor isn't of four dimensions, is empty, too large for one view, or not contiguous in the last one.</exception>
    public static (TensorShape Shape, TensorStrides Strides, int Extent) Of(ReadOnlySpan<nint> lengths, ReadOnlySpan<nint> strides)
    {
        const string name = "tensor";
        if (lengths.Length != 4)
        {
            throw new ArgumentException($"tensor has {lengths.Length} dimensions: pass [batch, length, heads, head_dim], with a dimension of 1 where there is but one.", name);
        }
        foreach (nint length in lengths)
        {
            if (length > int.MaxValue)
            {
                throw new ArgumentOutOfRangeException(name, length, $"tensor has a dimension of {length} elements, above {int.MaxValue}: split it over several calls.");
            }
        }
        var shape = new TensorShape((int)lengths[0], (int)lengths[1], (int)lengths[2], (int)lengths[3]);
        var elementStrides = new TensorStrides(strides[0], strides[1], strides[2], strides[3]);
        TensorLayout.RequireInside(shape, elementStrides, long.MaxValue, name, name);
        long extent = TensorLayout.Extent(shape, elementStrides);
        return extent <= int.MaxValue
            ? (shape, elementStrides, (int)extent)
            : throw new ArgumentOutOfRangeException(name, shape.ToString(), $"tensor of shape {shape} with strides {elementStrides} spans {extent} elements, above {int.MaxValue}: split it over several calls.");
    }
}
