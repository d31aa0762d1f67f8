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

    private KernelLibrary(EmittedKernel emitted)
    {
        Kernel = emitted.Kernel;
        Phase = emitted.Phase;
        nint library = NativeLibrary.Load(HostCompiler.Build(emitted));
        run = (delegate* unmanaged[Cdecl]<SimulatorLaunch*, SimulatorReport*, int>)NativeLibrary.GetExport(library, "simulator_run");
    }

    public GpuKernel Kernel { get; }

    public AttentionPhase Phase { get; }

    /// <param name="specification">What the kernel is specialized by.</param>
    /// <param name="rows">Of decode: query rows that share a key/value head.</param>
    public static KernelLibrary Of(AttentionSpecification specification, int rows = 1)
    {
        EmittedKernel emitted = EmittedKernel.Of(specification, rows);
        return libraries.GetOrAdd(emitted.Kernel.Name, _ => new(() => new(emitted))).Value;
    }

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
            : throw new SimulatorException($"{Kernel.Name}: status {status}, CTA {report.Cta}, thread {report.Thread}, line {report.Line}: "
                + Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(report.Message)));
    }
}

/// <summary>The simulator found an error in the kernel or its launch; the message is the simulator's own.</summary>
internal sealed class SimulatorException(string message) : Exception(message);
