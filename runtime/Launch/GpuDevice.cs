using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>One CUDA device with its primary context retained, the one that PyTorch and the CUDA runtime use too.</summary>
internal sealed class GpuDevice : IDisposable
{
    private readonly int handle;
    private readonly nint context;
    private SchedulerSlots? slots;
    private DecodeWorkspaces? workspaces;

    public GpuDevice(ICudaDriver driver, GpuDeviceInfo info)
    {
        Driver = driver;
        Info = info;
        driver.Require(driver.DeviceGet(out handle, info.Ordinal), "cuDeviceGet");
        driver.Require(driver.DevicePrimaryCtxRetain(out context, handle), "cuDevicePrimaryCtxRetain");
    }

    public ICudaDriver Driver { get; }

    public GpuDeviceInfo Info { get; }

    /// <summary>Made with the first kernel. The device must be entered, and calls must not overlap.</summary>
    public SchedulerSlots Slots => slots ??= new(Driver);

    /// <summary>Made with the first kernel, and empty at first.</summary>
    public DecodeWorkspaces Workspaces => Volatile.Read(ref workspaces) ?? LazyInitializer.EnsureInitialized(ref workspaces, () => new(Driver));

    public TensorMapCache TensorMaps { get; } = new();

    /// <summary>Makes the device's context this thread's current one until the scope is disposed.</summary>
    public Scope Enter()
    {
        Driver.Require(Driver.CtxPushCurrent(context), "cuCtxPushCurrent");
        return new(Driver);
    }

    /// <summary>Like <see cref="Enter"/>, but never throws.</summary>
    public Scope EnterForDisposal()
    {
        _ = Driver.CtxPushCurrent(context);
        return new(Driver);
    }

    /// <summary>Whether work on the stream is being captured into a graph. The device must be entered.</summary>
    public bool IsCapturing(nint stream)
    {
        Driver.Require(Driver.StreamIsCapturing(stream, out CudaCaptureStatus status), "cuStreamIsCapturing");
        return status != CudaCaptureStatus.None;
    }

    /// <summary>Never throws for what the driver answers: after a kernel's fault it refuses every call.</summary>
    public void Dispose()
    {
        using (EnterForDisposal())
        {
            slots?.Dispose();
            workspaces?.Free();
        }
        _ = Driver.DevicePrimaryCtxRelease(handle);
    }

    internal readonly ref struct Scope(ICudaDriver driver)
    {
        /// <summary>Never throws, so as not to hide the error that led here.</summary>
        public void Dispose() => driver.CtxPopCurrent(out _);
    }
}
