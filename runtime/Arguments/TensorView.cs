using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SkipSoftmax;

/// <summary>
/// A read-only query, key or value tensor <c>[batch, length, heads, head_dim]</c>: host memory, or device memory the caller holds
/// (TorchSharp, ManagedCuda, raw CUDA). Nothing is copied by making a view.
/// </summary>
public readonly ref struct TensorView
{
    private TensorView(ReadOnlySpan<byte> host, nint device, MemoryKind memory, ElementType element, TensorShape shape, TensorStrides strides)
    {
        HostBytes = host;
        DevicePointer = device;
        Memory = memory;
        Element = element;
        Shape = shape;
        Strides = strides;
    }

    /// <summary>Where the elements lie.</summary>
    public MemoryKind Memory { get; }

    /// <summary>Type of the elements.</summary>
    public ElementType Element { get; }

    /// <summary>Extents in elements.</summary>
    public TensorShape Shape { get; }

    /// <summary>Strides in elements.</summary>
    public TensorStrides Strides { get; }

    /// <summary>Address of element [0, 0, 0, 0] for device memory; 0 for host memory.</summary>
    public nint DevicePointer { get; }

    /// <summary>The elements' bytes for host memory; empty for device memory.</summary>
    public ReadOnlySpan<byte> HostBytes { get; }

    /// <summary>A packed tensor in host memory: <see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</summary>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> is no supported type, or <paramref name="data"/> is shorter than the shape.</exception>
    public static TensorView Host<T>(ReadOnlySpan<T> data, TensorShape shape) where T : unmanaged => Host(data, shape, shape.Packed);

    /// <summary>A strided tensor in host memory; <paramref name="data"/>[0] is element [0, 0, 0, 0].</summary>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> is no supported type, or the strides reach past <paramref name="data"/>.</exception>
    public static TensorView Host<T>(ReadOnlySpan<T> data, TensorShape shape, TensorStrides strides) where T : unmanaged
    {
        TensorLayout.RequireInside(shape, strides, data.Length);
        return new(TensorLayout.BytesOf(data), 0, MemoryKind.Host, TensorLayout.ElementTypeOf<T>(), shape, strides);
    }

    /// <summary>A tensor of System.Numerics.Tensors, <c>[batch, length, heads, head_dim]</c>, with its strides.</summary>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> is no supported type, or <paramref name="tensor"/> isn't of four dimensions or
    /// not contiguous in the last one.</exception>
    public static TensorView Host<T>(in ReadOnlyTensorSpan<T> tensor) where T : unmanaged
    {
        (TensorShape shape, TensorStrides strides, int extent) = TensorSpanLayout.Of(tensor.Lengths, tensor.Strides);
        return Host(MemoryMarshal.CreateReadOnlySpan(in tensor.GetPinnableReference(), extent), shape, strides);
    }

    /// <summary>A packed tensor in device memory.</summary>
    public static TensorView Device(nint pointer, ElementType element, TensorShape shape) => Device(pointer, element, shape, shape.Packed);

    /// <summary>A strided tensor in device memory; <paramref name="pointer"/> is the address of element [0, 0, 0, 0].</summary>
    /// <exception cref="ArgumentException">The pointer is null, or shape or strides are not positive.</exception>
    public static TensorView Device(nint pointer, ElementType element, TensorShape shape, TensorStrides strides)
    {
        TensorLayout.RequirePointer(pointer);
        TensorLayout.RequireInside(shape, strides, long.MaxValue);
        return new([], pointer, MemoryKind.Device, element, shape, strides);
    }
}

/// <summary>A writable output tensor <c>[batch, length, heads, head_dim]</c> in host or device memory.</summary>
public readonly ref struct OutputView
{
    private OutputView(Span<byte> host, nint device, MemoryKind memory, ElementType element, TensorShape shape, TensorStrides strides)
    {
        HostBytes = host;
        DevicePointer = device;
        Memory = memory;
        Element = element;
        Shape = shape;
        Strides = strides;
    }

    /// <inheritdoc cref="TensorView.Memory"/>
    public MemoryKind Memory { get; }

    /// <inheritdoc cref="TensorView.Element"/>
    public ElementType Element { get; }

    /// <inheritdoc cref="TensorView.Shape"/>
    public TensorShape Shape { get; }

    /// <inheritdoc cref="TensorView.Strides"/>
    public TensorStrides Strides { get; }

    /// <inheritdoc cref="TensorView.DevicePointer"/>
    public nint DevicePointer { get; }

    /// <inheritdoc cref="TensorView.HostBytes"/>
    public Span<byte> HostBytes { get; }

    /// <inheritdoc cref="TensorView.Host{T}(ReadOnlySpan{T}, TensorShape)"/>
    public static OutputView Host<T>(Span<T> data, TensorShape shape) where T : unmanaged => Host(data, shape, shape.Packed);

    /// <inheritdoc cref="TensorView.Host{T}(ReadOnlySpan{T}, TensorShape, TensorStrides)"/>
    public static OutputView Host<T>(Span<T> data, TensorShape shape, TensorStrides strides) where T : unmanaged
    {
        TensorLayout.RequireInside(shape, strides, data.Length);
        return new(TensorLayout.BytesOf(data), 0, MemoryKind.Host, TensorLayout.ElementTypeOf<T>(), shape, strides);
    }

    /// <inheritdoc cref="TensorView.Host{T}(in ReadOnlyTensorSpan{T})"/>
    public static OutputView Host<T>(in TensorSpan<T> tensor) where T : unmanaged
    {
        (TensorShape shape, TensorStrides strides, int extent) = TensorSpanLayout.Of(tensor.Lengths, tensor.Strides);
        return Host(MemoryMarshal.CreateSpan(ref tensor.GetPinnableReference(), extent), shape, strides);
    }

    /// <inheritdoc cref="TensorView.Device(nint, ElementType, TensorShape)"/>
    public static OutputView Device(nint pointer, ElementType element, TensorShape shape) => Device(pointer, element, shape, shape.Packed);

    /// <inheritdoc cref="TensorView.Device(nint, ElementType, TensorShape, TensorStrides)"/>
    public static OutputView Device(nint pointer, ElementType element, TensorShape shape, TensorStrides strides)
    {
        TensorLayout.RequirePointer(pointer);
        TensorLayout.RequireInside(shape, strides, long.MaxValue);
        return new([], pointer, MemoryKind.Device, element, shape, strides);
    }
}

/// <summary>The rules of shape and strides, stated once.</summary>
internal static class TensorLayout
{
    public static ElementType ElementTypeOf<T>() where T : unmanaged =>
        typeof(T) == typeof(float) ? ElementType.Float32
        : typeof(T) == typeof(Half) ? ElementType.Float16
        : typeof(T) == typeof(BFloat16) ? ElementType.BFloat16
        : throw new ArgumentException($"Elements of type {typeof(T)} are not supported: pass float, Half or SkipSoftmax.BFloat16.", "data");

    /// <exception cref="ArgumentException">A span can't hold that many bytes.</exception>
    public static ReadOnlySpan<byte> BytesOf<T>(ReadOnlySpan<T> data) where T : unmanaged
    {
        RequireByteCount<T>(data.Length);
        return MemoryMarshal.AsBytes(data);
    }

    /// <inheritdoc cref="BytesOf{T}(ReadOnlySpan{T})"/>
    public static Span<byte> BytesOf<T>(Span<T> data) where T : unmanaged
    {
        RequireByteCount<T>(data.Length);
        return MemoryMarshal.AsBytes(data);
    }

    public static int SizeOf(ElementType element) => element == ElementType.Float32 ? sizeof(float) : sizeof(ushort);

    private static void RequireByteCount<T>(int length) where T : unmanaged
    {
        if ((long)length * Unsafe.SizeOf<T>() > int.MaxValue)
        {
            throw new ArgumentException($"data holds {length} elements of {Unsafe.SizeOf<T>()} bytes, more than the 2 GiB of one host view: split the batch or the heads over several calls.", "data");
        }
    }

    /// <summary>Elements from the first to just past the last one a view of this shape can touch.</summary>
    public static long Extent(TensorShape shape, TensorStrides strides) => checked(
        ((shape.Batch - 1) * strides.Batch) + ((shape.Length - 1) * strides.Length) + ((shape.Heads - 1) * strides.Head)
        + ((shape.HeadDim - 1) * strides.Dim) + 1);

    public static void RequireInside(TensorShape shape, TensorStrides strides, long available,
        [CallerArgumentExpression(nameof(shape))] string shapeName = "", [CallerArgumentExpression(nameof(strides))] string stridesName = "")
    {
        if (shape.Batch <= 0 || shape.Length <= 0 || shape.Heads <= 0 || shape.HeadDim <= 0)
        {
            throw new ArgumentOutOfRangeException(shapeName, shape.ToString(), "Every extent of [batch, length, heads, head_dim] must be at least 1.");
        }
        if (strides.Dim != 1)
        {
            throw new ArgumentException($"The last dimension must be contiguous, but its stride is {strides.Dim}: copy the tensor into a layout with stride 1 first.", stridesName);
        }
        if (strides.Batch < 0 || strides.Length < 0 || strides.Head < 0)
        {
            throw new ArgumentException($"Strides {strides} must not be negative.", stridesName);
        }
        long extent;
        try
        {
            extent = Extent(shape, strides);
        }
        catch (OverflowException)
        {
            throw new ArgumentOutOfRangeException(shapeName, shape.ToString(), $"Shape {shape} with strides {strides} spans more than 2^63 elements.");
        }
        if (extent > available)
        {
            throw new ArgumentException($"Shape {shape} with strides {strides} spans {extent} elements, but data holds {available}: pass the whole tensor or correct the shape.", "data");
        }
    }

    public static void RequirePointer(nint pointer, [CallerArgumentExpression(nameof(pointer))] string name = "")
    {
        if (pointer == 0)
        {
            throw new ArgumentException("The device pointer is null: pass the address of the tensor's first element.", name);
        }
    }
}
