namespace SkipSoftmax;

/// <summary>A read-only one-dimensional argument (lengths, thresholds) in host memory, or at a device address.</summary>
/// <typeparam name="T">Element type.</typeparam>
public readonly ref struct InputBuffer<T> where T : unmanaged
{
    private InputBuffer(ReadOnlySpan<T> host, nint device, long length)
    {
        HostValues = host;
        DevicePointer = device;
        Length = length;
    }

    /// <summary>Elements; 0 where the argument was not given.</summary>
    public long Length { get; }

    /// <summary>The values in host memory; empty for a device buffer.</summary>
    public ReadOnlySpan<T> HostValues { get; }

    /// <summary>The device address; 0 for host memory.</summary>
    public nint DevicePointer { get; }

    /// <summary>Whether nothing was given.</summary>
    public bool IsEmpty => Length == 0;

    /// <summary>Where the values lie.</summary>
    public MemoryKind Memory => DevicePointer == 0 ? MemoryKind.Host : MemoryKind.Device;

    /// <summary>Values at a device address, read by the kernel at each launch or graph replay.</summary>
    /// <exception cref="ArgumentException">The pointer is null or the length not positive.</exception>
    public static InputBuffer<T> Device(nint pointer, long length)
    {
        TensorLayout.RequirePointer(pointer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        return new([], pointer, length);
    }

    /// <summary>Values in host memory.</summary>
    public static implicit operator InputBuffer<T>(ReadOnlySpan<T> values) => new(values, 0, values.Length);

    /// <summary>Values in host memory.</summary>
    public static implicit operator InputBuffer<T>(Span<T> values) => new(values, 0, values.Length);

    /// <summary>Values in host memory.</summary>
    public static implicit operator InputBuffer<T>(T[]? values) => new(values, 0, values?.Length ?? 0);
}

/// <summary>A writable one-dimensional result (LSE, counters, decisions) in host memory, or at a device address.</summary>
/// <typeparam name="T">Element type.</typeparam>
public readonly ref struct OutputBuffer<T> where T : unmanaged
{
    private OutputBuffer(Span<T> host, nint device, long length)
    {
        HostValues = host;
        DevicePointer = device;
        Length = length;
    }

    /// <inheritdoc cref="InputBuffer{T}.Length"/>
    public long Length { get; }

    /// <inheritdoc cref="InputBuffer{T}.HostValues"/>
    public Span<T> HostValues { get; }

    /// <inheritdoc cref="InputBuffer{T}.DevicePointer"/>
    public nint DevicePointer { get; }

    /// <inheritdoc cref="InputBuffer{T}.IsEmpty"/>
    public bool IsEmpty => Length == 0;

    /// <inheritdoc cref="InputBuffer{T}.Memory"/>
    public MemoryKind Memory => DevicePointer == 0 ? MemoryKind.Host : MemoryKind.Device;

    /// <summary>A result at a device address.</summary>
    /// <exception cref="ArgumentException">The pointer is null or the length not positive.</exception>
    public static OutputBuffer<T> Device(nint pointer, long length)
    {
        TensorLayout.RequirePointer(pointer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        return new([], pointer, length);
    }

    /// <summary>A result in host memory.</summary>
    public static implicit operator OutputBuffer<T>(Span<T> values) => new(values, 0, values.Length);

    /// <summary>A result in host memory.</summary>
    public static implicit operator OutputBuffer<T>(T[]? values) => new(values, 0, values?.Length ?? 0);
}
