using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Simulation;

/// <summary>A kernel compiled for the simulator and loaded into this process, once for each specification.</summary>
internal sealed unsafe class KernelLibrary
{
    private static readonly ConcurrentDictionary<string, Lazy<KernelLibrary>> libraries = new();

    private readonly Lock oneRun = new();
    private readonly delegate* unmanaged[Cdecl]<SimulatorLaunch*, SimulatorReport*, int> run;

    /// <param name="emitted">The kernel.</param>
    /// <param name="path">The library that was compiled from it. It stays loaded.</param>
    public KernelLibrary(EmittedKernel emitted, string path)
    {
        Kernel = emitted.Kernel;
        Phase = emitted.Specification.Phase;
        nint library = NativeLibrary.Load(path);
        run = (delegate* unmanaged[Cdecl]<SimulatorLaunch*, SimulatorReport*, int>)NativeLibrary.GetExport(library, "simulator_run");
    }

    public GpuKernel Kernel { get; }

    public AttentionPhase Phase { get; }

    /// <summary>The kernel that the generator emits for this.</summary>
    /// <param name="specification">What the kernel is specialized by.</param>
    /// <param name="rows">Of decode: query rows that share a key/value head.</param>
    public static KernelLibrary Of(AttentionSpecification specification, int rows = 1) => Of(EmittedKernel.Of(specification, rows));

    /// <summary>A kernel whose text is at hand.</summary>
    public static KernelLibrary Of(EmittedKernel emitted) => libraries.GetOrAdd(emitted.Text, _ => new(() => new(emitted, HostCompiler.Build(emitted)))).Value;

    /// <summary>Runs the kernel to its end; runs of one library wait for each other.</summary>
    /// <exception cref="SimulatorException">The kernel broke a rule of the machine.</exception>
    public SimulatorCounters Run(SimulatorLaunch* launch)
    {
        SimulatorReport report = default;
        int status;
        lock (oneRun)
        {
            status = run(launch, &report);
        }
        return status == 0
            ? report.Counters
            : throw new SimulatorException((int)report.Line, $"{Kernel.Name}: status {status}, CTA {report.Cta}, thread {report.Thread}, line {report.Line}: "
                + Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(report.Message)));
    }
}

/// <summary>The simulator found an error in the kernel or its launch; the message is the simulator's own.</summary>
/// <param name="line">Of <see cref="EmittedKernel.TextAboveInstructions"/>; 0 where unknown.</param>
/// <param name="message">With CTA, thread and line.</param>
internal sealed class SimulatorException(int line, string message) : Exception(message)
{
    public int Line => line;
}
