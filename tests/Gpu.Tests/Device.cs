using System.Collections.Concurrent;
using System.Text;
using SkipSoftmax.Compilation;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Dispatch;
using SkipSoftmax.Launch;
using SkipSoftmax.Native;
using SkipSoftmax.Simulation;

namespace SkipSoftmax.Gpu;

/// <summary>The first GPU of this machine, and the kernels compiled for it so far: once for each text.</summary>
internal sealed class Device
{
    private static readonly Lazy<(Device? Device, string? Unavailable)> found = new(Find);

    private readonly ConcurrentDictionary<string, Lazy<LoadedKernel>> kernels = new();
    private readonly KernelCompiler compiler;
    private readonly string architecture;

    private Device(ICudaDriver driver, GpuDeviceInfo info, KernelCompiler compiler)
    {
        Driver = driver;
        Gpu = new(driver, info);
        this.compiler = compiler;
        architecture = $"sm_{info.Major}{info.Minor}a";
    }

    /// <summary>Why there is none to be used, or null.</summary>
    public static string? Unavailable => found.Value.Unavailable;

    public static Device Current => found.Value.Device ?? throw new InvalidOperationException(Unavailable);

    public ICudaDriver Driver { get; }

    public GpuDevice Gpu { get; }

    /// <summary>One launch at a time: kernels of one declaration share their scheduler's slots, and errors shall name their case.</summary>
    public Lock Launching { get; } = new();

    /// <summary>The kernel that the generator emits for a declaration, loaded.</summary>
    /// <param name="specification">The declaration.</param>
    /// <param name="rows">Of decode: query rows that share a key/value head.</param>
    public LoadedKernel Kernel(AttentionSpecification specification, int rows)
    {
        EmittedKernel emitted = EmittedKernel.Of(specification, rows);
        return kernels.GetOrAdd(emitted.Text, text => new(() => Load(emitted, Compile(text)))).Value;
    }

    /// <summary>Machine code of a text.</summary>
    public byte[] Compile(string text) => compiler.Compile(Encoding.UTF8.GetBytes(text), architecture).Cubin;

    private LoadedKernel Load(EmittedKernel emitted, byte[] cubin)
    {
        lock (Launching)
        {
            using GpuDevice.Scope scope = Gpu.Enter();
            return new(Gpu, emitted.Kernel, cubin);
        }
    }

    private static (Device?, string?) Find()
    {
        DriverSurvey survey = DriverSurvey.OfInstalled();
        if (survey.Driver is null || survey.Devices.Count == 0)
        {
            return (null, $"No GPU: {survey.State}");
        }
        GpuDeviceInfo info = survey.Devices[0];
        if (info.Major != 9)
        {
            return (null, $"The kernels are for compute capability 9.0, and this is {info}.");
        }
        (KernelCompiler? compiler, string state) = KernelCompiler.Find(Environment.GetEnvironmentVariable("SKIPSOFTMAX_NVRTC_PATH"));
        return compiler is null ? (null, $"No NVRTC: {state}") : (new(survey.Driver, info, compiler), null);
    }
}
