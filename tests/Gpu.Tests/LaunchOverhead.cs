using System.Diagnostics;
using System.Globalization;
using SkipSoftmax.Conformance;

namespace SkipSoftmax.Gpu;

/// <summary>What a user waits for besides the kernel: NVRTC, a warm load from the cache, a launch. Prints CSV.</summary>
internal static class LaunchOverhead
{
    private const int Launches = 200;
    private const int Rounds = 15;

    public static bool Measure()
    {
        string folder = Directory.CreateTempSubdirectory("skip-softmax-overhead").FullName;
        AttentionOptions options = new()
        {
            Policy = BackendPolicy.GpuOnly,
            CacheDirectory = Path.Combine(folder, "cache"),
            NvrtcPath = Environment.GetEnvironmentVariable("SKIPSOFTMAX_NVRTC_PATH"),
            OnWarning = warning => Console.WriteLine($"warning: {warning}"),
        };
        try
        {
            Console.WriteLine("what,declaration,kernels,milliseconds");
            using (AttentionContext cold = new(options))
            {
                foreach (Timed timed in Timed.All)
                {
                    Print("compile and load", timed, Time(() => timed.Prepare(cold)));
                }
            }
            using AttentionContext warm = new(options);
            foreach (Timed timed in Timed.All)
            {
                Print("load from the cache", timed, Time(() => timed.Prepare(warm)));
            }
            Console.WriteLine("what,declaration,microseconds of host time,bytes allocated");
            foreach (Timed timed in Timed.All.Where(timed => timed.Specification.KvLayout == KvLayout.Contiguous && !timed.Specification.CountTiles))
            {
                (double microseconds, long bytes) = Launch(warm, timed);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"launch,{timed.Name},{microseconds:f2},{bytes}"));
            }
            return true;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Print(string what, Timed timed, double milliseconds) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what},{timed.Name},{timed.KernelTexts.Count},{milliseconds:f2}"));

    private static double Time(Action action)
    {
        long started = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    /// <summary>Median over rounds of enqueueing a small call, into a queue that never fills.</summary>
    private static unsafe (double Microseconds, long Bytes) Launch(AttentionContext context, Timed timed)
    {
        Device device = Device.Current;
        using Launch.GpuDevice.Scope scope = device.Gpu.Enter();
        using DeviceMemory memory = new(device.Driver);
        const int length = 64;
        int headDim = timed.Specification.HeadDim;
        int queries = timed.Specification.Phase == AttentionPhase.Decode ? 1 : length;
        byte[] zeros = new byte[length * headDim * sizeof(ushort)];
        TimedCall call = new()
        {
            Query = memory.Copy("query", zeros.AsSpan(0, queries * headDim * sizeof(ushort)), writable: false),
            Key = memory.Copy("key", zeros, writable: false),
            Value = memory.Copy("value", zeros, writable: false),
            Output = memory.Copy("output", zeros.AsSpan(0, queries * headDim * sizeof(ushort)), writable: true),
            Batch = 1,
            QueryLength = queries,
            KeyLength = length,
            QueryHeads = 1,
            KeyValueHeads = 1,
            HeadDim = headDim,
            Lambda = 0.01f,
        };
        double[] rounds = new double[Rounds];
        long allocated = 0;
        for (int round = 0; round < Rounds; round++)
        {
            call.Enqueue(context, timed);
            Native.CudaResult result = device.Driver.StreamSynchronize(0);
            long before = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            for (int launch = 0; launch < Launches; launch++)
            {
                call.Enqueue(context, timed);
            }
            rounds[round] = Stopwatch.GetElapsedTime(started).TotalMicroseconds / Launches;
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (result != Native.CudaResult.Success || device.Driver.StreamSynchronize(0) != Native.CudaResult.Success)
            {
                throw new InvalidOperationException($"{timed.Name} failed on the device.");
            }
        }
        Array.Sort(rounds);
        return (rounds[Rounds / 2], allocated);
    }
}
