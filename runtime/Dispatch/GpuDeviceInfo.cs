namespace SkipSoftmax;

/// <summary>A CUDA device, as the driver describes it.</summary>
/// <param name="Ordinal">Number of the device, from 0: what <see cref="AttentionOptions.DeviceOrdinal"/> selects.</param>
/// <param name="Name">Name of the product.</param>
/// <param name="Major">Compute capability, major.</param>
/// <param name="Minor">Compute capability, minor.</param>
/// <param name="Multiprocessors">SMs.</param>
/// <param name="MemoryBytes">Device memory in bytes.</param>
public sealed record GpuDeviceInfo(int Ordinal, string Name, int Major, int Minor, int Multiprocessors, long MemoryBytes)
{
    /// <summary>Ordinal, name, capability and size on one line.</summary>
    public override string ToString() => $"device {Ordinal}: {Name}, compute capability {Major}.{Minor}, {Multiprocessors} SMs, {MemoryBytes >> 20} MiB";
}
