using System.Text;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>A kernel's function on a device, ready to launch.</summary>
internal sealed unsafe class LoadedKernel : IDisposable
{
    private readonly nint module;

    /// <summary>Loads a cubin; the device must be entered.</summary>
    public LoadedKernel(GpuDevice device, GpuKernel kernel, ReadOnlySpan<byte> cubin)
    {
        Device = device;
        Kernel = kernel;
        Slots = device.Slots;
        ICudaDriver driver = device.Driver;
        fixed (byte* image = cubin)
        {
            driver.Require(driver.ModuleLoadData(out module, image), "cuModuleLoadData");
        }
        try
        {
            byte[] name = [.. Encoding.UTF8.GetBytes(kernel.EntryPoint), 0];
            nint function;
            fixed (byte* text = name)
            {
                driver.Require(driver.ModuleGetFunction(out function, module, text), "cuModuleGetFunction");
            }
            driver.Require(driver.FuncSetAttribute(function, CudaFunctionAttribute.MaxDynamicSharedMemoryBytes, kernel.SharedMemoryBytes), "cuFuncSetAttribute");
            Function = function;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public GpuDevice Device { get; }

    public GpuKernel Kernel { get; }

    public SchedulerSlots Slots { get; }

    public nint Function { get; }

    /// <summary>Unloads it; the device must be entered, and no launch in flight.</summary>
    public void Dispose() => Device.Driver.ModuleUnload(module);
}
