using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Benchmarks;

/// <summary>
/// The read bandwidth of the machine: all threads sum up memory far larger than its caches, each a contiguous part, in the same memory that the
/// measured code reads. What a kernel that reads everything once can reach at most.
/// </summary>
internal static class ReadBandwidth
{
    /// <summary>Bytes per second of one pass over the given memory.</summary>
    public static unsafe double Measure(int threads, params ReadOnlySpan<float[]> arrays)
    {
        double bytes = 0;
        var clock = Stopwatch.StartNew();
        foreach (float[] array in arrays)
        {
            int part = array.Length / threads / 64 * 64;
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, thread =>
            {
                fixed (float* first = array)
                {
                    Volatile.Write(ref sink, Sum(first + ((long)thread * part), part));
                }
            });
            bytes += (double)part * threads * sizeof(float);
        }
        return bytes / clock.Elapsed.TotalSeconds;
    }

    private static float sink;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe float Sum(float* first, int count)
    {
        Vector512<float> a = default, b = a, c = a, d = a;
        for (int i = 0; i < count; i += 64)
        {
            a += Vector512.Load(first + i);
            b += Vector512.Load(first + i + 16);
            c += Vector512.Load(first + i + 32);
            d += Vector512.Load(first + i + 48);
        }
        return Vector512.Sum(a + b + c + d);
    }
}
