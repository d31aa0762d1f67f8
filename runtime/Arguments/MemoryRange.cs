using System.Runtime.InteropServices;

namespace SkipSoftmax.Arguments;

/// <summary>The bytes an argument may touch, from its first to just past its last element, for overlap tests.</summary>
internal readonly ref struct MemoryRange
{
    private readonly ReadOnlySpan<byte> host;
    private readonly UInt128 start;
    private readonly UInt128 end;

    private MemoryRange(ReadOnlySpan<byte> host, nint pointer, Int128 bytes)
    {
        this.host = host;
        start = (nuint)pointer;
        end = pointer == 0 ? 0 : start + (UInt128)bytes;
    }

    public static MemoryRange Of(TensorView view) => Of(view.HostBytes, view.DevicePointer, view.Element, view.Shape, view.Strides);

    public static MemoryRange Of(OutputView view) => Of(view.HostBytes, view.DevicePointer, view.Element, view.Shape, view.Strides);

    public static unsafe MemoryRange Of<T>(InputBuffer<T> buffer) where T : unmanaged =>
        new(MemoryMarshal.AsBytes(buffer.HostValues), buffer.DevicePointer, (Int128)buffer.Length * sizeof(T));

    public static unsafe MemoryRange Of<T>(OutputBuffer<T> buffer) where T : unmanaged =>
        new(MemoryMarshal.AsBytes(buffer.HostValues), buffer.DevicePointer, (Int128)buffer.Length * sizeof(T));

    /// <summary>Whether a byte belongs to both. Host and device memory never overlap.</summary>
    public bool Overlaps(MemoryRange other) =>
        host.Overlaps(other.host) || (start < other.end && other.start < end);

    private static MemoryRange Of(ReadOnlySpan<byte> host, nint pointer, ElementType element, TensorShape shape, TensorStrides strides)
    {
        Int128 bytes = (Int128)TensorLayout.Extent(shape, strides) * TensorLayout.SizeOf(element);
        return new(host.IsEmpty ? host : host[..(int)bytes], pointer, bytes);
    }
}
