using System.Runtime.InteropServices;

namespace SkipSoftmax.Tensors;

/// <summary>A tensor as a file holds it.</summary>
/// <param name="Element">Type of its elements.</param>
/// <param name="Shape">Extents, slowest first.</param>
/// <param name="Bytes">The elements, packed, little-endian.</param>
public sealed record TensorData(ElementType Element, int[] Shape, byte[] Bytes)
{
    /// <summary>The elements as what they are.</summary>
    public Span<T> Elements<T>() where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes.AsSpan());

    /// <summary>Extents for messages.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";

    /// <summary>Bytes that so many elements take; null where no memory could hold them.</summary>
    internal static long? BytesOf(ReadOnlySpan<long> shape, int elementBytes)
    {
        long bytes = elementBytes;
        foreach (long extent in shape)
        {
            if (extent is < 0 or > int.MaxValue || (extent > 0 && bytes > long.MaxValue / extent))
            {
                return null;
            }
            bytes *= extent;
        }
        return bytes;
    }
}
