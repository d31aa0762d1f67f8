using System.Runtime.InteropServices;

namespace SkipSoftmax.Gpu.Carried;

/// <summary>What device.py calls. Nothing is thrown across: a failure prints what happened and gives 1.</summary>
internal static unsafe class Exports
{
    private static readonly Lazy<AttentionContext> context = new(() => new(new()
    {
        Policy = BackendPolicy.GpuOnly,
        NvrtcPath = Environment.GetEnvironmentVariable("SKIPSOFTMAX_NVRTC_PATH"),
        OnWarning = warning => Console.WriteLine($"warning: {warning}"),
    }));

    /// <summary>Call it first: the folder (UTF-8) whose <c>data</c> holds the real tensors.</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpu_start")]
    public static void Start(byte* folder) => AppContext.SetData("APP_CONTEXT_BASE_DIRECTORY", Marshal.PtrToStringUTF8((nint)folder) + "/");

    /// <summary>Runs the conformance suites whose name contains the filter (UTF-8; null or empty: all).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpu_conform")]
    public static int Conform(byte* filter) => Guard(() =>
    {
        string? text = Marshal.PtrToStringUTF8((nint)filter);
        return TestRunner.RunAll(string.IsNullOrEmpty(text) ? null : text) == 0;
    });

    /// <summary>Runs one case of each variant, for sanitizers.</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpu_one_of_each")]
    public static int OneOfEach(int first, int count) => Guard(() => VariantSweep.Run(first, count));

    /// <summary>Times compilation, warm load and launch, and counts what a launch allocates.</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpu_overhead")]
    public static int Overhead() => Guard(LaunchOverhead.Measure);

    /// <summary>Enqueues a declared attention on tensors in device memory.</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpu_run")]
    public static int Run(int method, TimedCall* call) => Guard(() =>
    {
        call->Enqueue(context.Value, Timed.All[method]);
        return true;
    });

    /// <summary>Number of a declared attention, compiled and loaded; −1: there is none of that name (UTF-8), or it can't run.</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpu_prepare")]
    public static int Prepare(byte* name)
    {
        string text = Marshal.PtrToStringUTF8((nint)name)!;
        int method = Timed.All.ToList().FindIndex(timed => timed.Name == text);
        return method >= 0 && Guard(() => { Timed.All[method].Prepare(context.Value); return true; }) == 0 ? method : -1;
    }

    private static int Guard(Func<bool> action)
    {
        try
        {
            return action() ? 0 : 1;
        }
        catch (Exception exception)
        {
            Console.WriteLine(exception);
            return 1;
        }
    }
}
