using System.Collections.Concurrent;
using System.Runtime.Intrinsics;
using SkipSoftmax.Arguments;
using SkipSoftmax.Caching;
using SkipSoftmax.Compilation;
using SkipSoftmax.Cpu;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Diagnostics;
using SkipSoftmax.Dispatch;
using SkipSoftmax.Launch;

namespace SkipSoftmax;

/// <summary>Owns what declared kernels run with: the device, the loaded kernels, the CPU threads. Thread-safe.</summary>
/// <remarks>
/// Environment and options are read when it is made; driver, NVRTC and cache folder are touched when first needed. The GPU work of a
/// context belongs to its device's primary context, as that of PyTorch and the CUDA runtime does.
/// </remarks>
public sealed class AttentionContext : IDisposable
{
    private readonly int cpuThreads;
    private readonly Warnings warnings;
    private readonly KernelCache cache;
    private readonly Lazy<DriverSurvey> driver;
    private readonly Lazy<CompilerSurvey> compiler;
    private readonly Lazy<KernelImages> images;
    private readonly ConcurrentDictionary<Type, PreparedAttention> prepared = [];
    private readonly Lock loading = new();
    private GpuDevice? device;
    private int callsInside;
    private volatile bool disposed;

    /// <summary>Makes a context; nothing is loaded until it is needed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option has a value that can't be.</exception>
    public AttentionContext(AttentionOptions? options = null)
        : this(options ?? new(), DriverSurvey.OfInstalled, CompilerSurvey.OfInstalled)
    {
    }

    internal AttentionContext(AttentionOptions options, Func<DriverSurvey> surveyDriver, Func<string?, CompilerSurvey> surveyCompiler)
    {
        options.Validate();
        Options = options;
        cpuThreads = options.CpuThreads == 0 ? Environment.ProcessorCount : options.CpuThreads;
        warnings = new(options.OnWarning);
        cache = new(CacheFolder.Resolve(options.CacheDirectory), warnings.Add);
        driver = new(surveyDriver);
        compiler = new(() => surveyCompiler(options.NvrtcPath));
        images = new(() => new(compiler.Value.Compiler, cache));
    }

    /// <summary>The options it was made with.</summary>
    public AttentionOptions Options { get; }

    /// <summary>Runs the declared attention once. Generated methods call it; it can also be called directly.</summary>
    /// <remarks>
    /// All arguments are checked before anything is written. Host tensors: the CPU path reads and writes them in place; a GPU copies
    /// them to the device and the result back; both return when the result is written. Device tensors are never copied: the kernel is
    /// enqueued on <see cref="AttentionInputs.Stream"/>, and the call returns at once, allocates nothing and may be captured into a CUDA
    /// graph once <see cref="Prepare{TDescriptor}"/> or an earlier run has loaded the kernel. Such a graph must not outlive the context.
    /// </remarks>
    /// <typeparam name="TDescriptor">The type the generator emitted for the declared method.</typeparam>
    /// <param name="inputs">Tensors to read, with lengths, scale and stream.</param>
    /// <param name="output">Tensor to write and, where declared, LSE, counters and decisions.</param>
    /// <param name="threshold">λ in the form the declaration asks for; <c>default</c> for <see cref="ThresholdMode.Off"/>.</param>
    /// <exception cref="ArgumentException">An argument doesn't fit the others, the declaration or the backend: says which, its value and the fix.</exception>
    /// <exception cref="InvalidOperationException">The policy is <see cref="BackendPolicy.GpuOnly"/> and no GPU can run the declaration.</exception>
    /// <exception cref="KernelCompilationException">NVRTC refused the kernel.</exception>
    /// <exception cref="CudaException">The driver refused a call.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public void Run<TDescriptor>(in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold = default)
        where TDescriptor : IAttentionDescriptor
    {
        using Entry entry = Enter();
        AttentionProblem problem = ArgumentValidation.Validate(TDescriptor.Specification, inputs, output, threshold);
        PreparedAttention attention = PrepareOnce<TDescriptor>();
        if (attention.Selection.Architecture is null)
        {
            RequireHostTensors(problem, attention.Selection.Choice);
            CpuBackend.Run(problem, cpuThreads);
            Telemetry.Launched(problem, variant: null);
            return;
        }
        int first = attention.Selection.KernelIndex;
        int index = TDescriptor.Specification.Phase == AttentionPhase.Decode ? DecodeLauncher.KernelFor(TDescriptor.Kernels, first, problem) : first;
        LoadedKernel kernel = LoadOnce<TDescriptor>(attention, index, problem.Stream);
        if (problem.Query.Memory == MemoryKind.Host)
        {
            HostTensors.Run(kernel, problem);
        }
        else
        {
            KernelLauncher.Launch(kernel, problem);
        }
        Telemetry.Launched(problem, kernel.Kernel.Name);
    }

    /// <summary>Compiles and loads now what runs would when they first need it: do it before timing, and before capturing a graph. Of decode these are
    /// the kernels for every number of query heads a key/value head; besides, its first run on a stream allocates workspace, so it must run once on
    /// the stream before that is captured.</summary>
    /// <typeparam name="TDescriptor">The type the generator emitted for the declared method.</typeparam>
    /// <returns>The backend that runs will use.</returns>
    /// <inheritdoc cref="Run{TDescriptor}" path="/exception[@cref!='T:System.ArgumentException']"/>
    public BackendChoice Prepare<TDescriptor>() where TDescriptor : IAttentionDescriptor
    {
        using Entry entry = Enter();
        PreparedAttention attention = PrepareOnce<TDescriptor>();
        for (int index = 0; index < attention.Kernels.Length; index++)
        {
            if (TDescriptor.Kernels[index].Target == attention.Selection.Architecture?.Target)
            {
                LoadOnce<TDescriptor>(attention, index, stream: 0);
            }
        }
        return attention.Selection.Choice;
    }

    /// <summary>Which backend runs will use, and why; compiles and loads nothing.</summary>
    /// <typeparam name="TDescriptor">The type the generator emitted for the declared method.</typeparam>
    /// <exception cref="InvalidOperationException">The policy is <see cref="BackendPolicy.GpuOnly"/> and no GPU can run the declaration.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public BackendChoice ChooseBackend<TDescriptor>() where TDescriptor : IAttentionDescriptor
    {
        using Entry entry = Enter();
        return prepared.TryGetValue(typeof(TDescriptor), out PreparedAttention? attention) ? attention.Selection.Choice : Select<TDescriptor>().Choice;
    }

    /// <summary>Reports devices, driver, NVRTC, cache folder, CPU and warnings. Nothing that is absent is an error.</summary>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public RuntimeDescription Describe()
    {
        using Entry entry = Enter();
        return new()
        {
            Driver = driver.Value.State,
            DriverVersion = driver.Value.Version,
            Devices = driver.Value.Devices,
            Compiler = compiler.Value.State,
            CompilerVersion = compiler.Value.Compiler?.Version,
            CacheDirectory = cache.Folder,
            CacheRefusal = cache.Refusal,
            CpuVectorBits = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0,
            CpuThreads = cpuThreads,
            Warnings = warnings.ToList(),
        };
    }

    /// <summary>Waits for calls inside and for the device's work, then unloads the kernels. Later calls throw; graphs that hold this
    /// context's launches must not be replayed any more.</summary>
    public void Dispose()
    {
        lock (loading)
        {
            if (disposed)
            {
                return;
            }
            disposed = true;
        }
        Interlocked.MemoryBarrier(); // a call either sees disposed, or is seen here
        SpinWait.SpinUntil(() => Volatile.Read(ref callsInside) == 0);
        if (device is null)
        {
            return;
        }
        using (device.EnterForDisposal())
        {
            _ = device.Driver.CtxSynchronize();
            foreach (PreparedAttention attention in prepared.Values)
            {
                foreach (LoadedKernel? kernel in attention.Kernels)
                {
                    kernel?.Dispose();
                }
            }
        }
        device.Dispose();
    }

    private PreparedAttention PrepareOnce<TDescriptor>() where TDescriptor : IAttentionDescriptor =>
        prepared.TryGetValue(typeof(TDescriptor), out PreparedAttention? attention)
            ? attention
            : prepared.GetOrAdd(typeof(TDescriptor), new PreparedAttention(Select<TDescriptor>(), new LoadedKernel?[TDescriptor.Kernels.Count]));

    private LoadedKernel LoadOnce<TDescriptor>(PreparedAttention attention, int index, nint stream) where TDescriptor : IAttentionDescriptor =>
        Volatile.Read(ref attention.Kernels[index]) ?? LoadFirst<TDescriptor>(attention, index, stream);

    private LoadedKernel LoadFirst<TDescriptor>(PreparedAttention attention, int index, nint stream) where TDescriptor : IAttentionDescriptor
    {
        // Outside the lock, so that different kernels compile side by side; each is compiled once all the same.
        byte[] cubin = images.Value.Get(TDescriptor.GetKernelText(index), attention.Selection.Architecture!.Name);
        lock (loading)
        {
            if (attention.Kernels[index] is { } loaded)
            {
                return loaded;
            }
            device ??= new(driver.Value.Driver!, attention.Selection.Device!);
            using GpuDevice.Scope scope = device.Enter();
            if (device.IsCapturing(stream))
            {
                throw new InvalidOperationException(
                    $"{TDescriptor.Specification.Name} is run for the first time while its stream is captured, when kernels can't be loaded: call Prepare before the capture.");
            }
            LoadedKernel kernel = new(device, TDescriptor.Kernels[index], cubin);
            Volatile.Write(ref attention.Kernels[index], kernel);
            return kernel;
        }
    }

    private Selection Select<TDescriptor>() where TDescriptor : IAttentionDescriptor =>
        BackendSelector.Choose(Options, TDescriptor.Specification, TDescriptor.Kernels, driver,
            (index, architecture) => images.Value.WhyUnavailable(TDescriptor.GetKernelText(index), architecture.Name, compiler.Value.State));

    private static void RequireHostTensors(in AttentionProblem problem, BackendChoice choice)
    {
        if (problem.Query.Memory == MemoryKind.Device)
        {
            throw new ArgumentException(
                $"inputs.Query lies in Device memory at 0x{problem.Query.DevicePointer:x}, but {problem.Specification.Name} runs on the CPU path: {choice.Reason} Pass host tensors, or make the GPU available.",
                "inputs.Query");
        }
    }

    private Entry Enter()
    {
        Interlocked.Increment(ref callsInside);
        if (disposed)
        {
            Interlocked.Decrement(ref callsInside);
            throw new ObjectDisposedException(nameof(AttentionContext), "The attention context is disposed: make a new one, and dispose it after the last call.");
        }
        return new(this);
    }

    /// <summary>A call inside the context: <see cref="Dispose"/> waits for its end.</summary>
    private readonly ref struct Entry(AttentionContext context)
    {
        public void Dispose() => Interlocked.Decrement(ref context.callsInside);
    }

    /// <summary>A declaration that has been decided about, and those of its kernels that have been needed so far, by their index in the descriptor.</summary>
    private sealed record PreparedAttention(Selection Selection, LoadedKernel?[] Kernels);
}
