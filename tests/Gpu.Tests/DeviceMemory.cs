using System.Runtime.InteropServices;
using SkipSoftmax.Conformance;
using SkipSoftmax.Native;

namespace SkipSoftmax.Gpu;

/// <summary>Allocations of one launch, each its own, so that a sanitizer sees where they end. The device must be entered.</summary>
internal sealed unsafe class DeviceMemory(ICudaDriver driver) : IDeviceMemory, IDisposable
{
    private readonly List<nint> allocations = [];

    public nint Copy(string name, ReadOnlySpan<byte> bytes, bool writable)
    {
        driver.Require(driver.MemAlloc(out nint address, (nuint)Math.Max(1, bytes.Length)), $"cuMemAlloc of {bytes.Length} bytes for {name}");
        allocations.Add(address);
        if (bytes.Length > 0)
        {
            fixed (byte* source = bytes)
            {
                driver.Require(driver.MemcpyHtoDAsync(address, source, (nuint)bytes.Length, stream: 0), "cuMemcpyHtoDAsync");
            }
        }
        return address;
    }

    public void CopyBack(nint address, Span<byte> bytes)
    {
        if (bytes.Length > 0)
        {
            fixed (byte* destination = bytes)
            {
                driver.Require(driver.MemcpyDtoHAsync(destination, address, (nuint)bytes.Length, stream: 0), "cuMemcpyDtoHAsync");
                driver.Require(driver.StreamSynchronize(0), "cuStreamSynchronize");
            }
        }
    }

    public void Dispose() => allocations.ForEach(address => driver.MemFree(address));
}
