using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics;

namespace Benchmarks;

/// <summary>
/// Prefill on the CPU path beside ONNX Runtime's <c>MultiHeadAttention</c>: fp32, batch 1, 8 heads, the same buffers and threads. Rounds
/// are interleaved. Times are the best of the rounds; ratios are given of these, and as the median of the rounds' own ratios, which other
/// load on the machine strikes alike.
/// </summary>
internal static class CpuPrefillBenchmark
{
    private const int Heads = 8;
    private const float Lambda = 0.01f;

    public static void Run(string[] args)
    {
        int tokens = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 4096;
        int rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
        int threads = Environment.ProcessorCount;
        string vectors = Vector512.IsHardwareAccelerated ? "512" : Vector256.IsHardwareAccelerated ? "256" : "128";
        Console.WriteLine($"fp32, batch 1, {Heads} heads, {tokens} tokens, {threads} threads, {vectors}-bit vectors; best of {rounds} interleaved rounds, ratios best / median");
        Console.WriteLine("error: ‖ours − ORT‖ / ‖ORT‖ of dense outputs; peak: share of the FMA ceiling measured in the same rounds; λ = 0.01 on half cold keys");
        Console.WriteLine();
        Console.WriteLine("| d | mask | ours dense ms | % peak | ORT ms | ORT / ours | error | sparsity | ours skipping ms | dense / skipping |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (int headDim in (int[])[64, 128])
        {
            var workload = new AttentionWorkload(tokens, Heads, headDim, coldShare: 0.5, seed: headDim);
            foreach (bool causal in (bool[])[false, true])
            {
                Console.WriteLine(Row(workload, causal, threads, rounds));
            }
        }
    }

    private static string Row(AttentionWorkload workload, bool causal, int threads, int rounds)
    {
        using var peer = new OnnxAttention(workload, causal, threads);
        WarmUp(() => workload.Run(causal, Lambda, threads));
        WarmUp(() => workload.Run(causal, null, threads));
        WarmUp(peer.Run);
        double error = RelativeError(workload.Output, peer.Output);
        double[] dense = new double[rounds];
        double[] skipping = new double[rounds];
        double[] onnx = new double[rounds];
        double[] peak = new double[rounds];
        for (int round = 0; round < rounds; round++)
        {
            peak[round] = FmaPeak.Measure(threads);
            dense[round] = Milliseconds(() => workload.Run(causal, null, threads));
            skipping[round] = Milliseconds(() => workload.Run(causal, Lambda, threads));
            onnx[round] = Milliseconds(peer.Run);
        }
        double share = workload.Flops(causal) / (dense.Min() / 1000) / peak.Max();
        return string.Create(CultureInfo.InvariantCulture,
            $"| {workload.HeadDim} | {(causal ? "causal" : "full")} | {dense.Min():F1} | {share:P0} | {onnx.Min():F1} | {Ratios(onnx, dense)} | {error:E1} | {workload.Sparsity:F3} | {skipping.Min():F1} | {Ratios(dense, skipping)} |");
    }

    /// <summary>Until what the runtime compiles in the background has been compiled.</summary>
    private static void WarmUp(Action run)
    {
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1);)
        {
            run();
        }
    }

    /// <summary>Ratio of the best times / median ratio of a round.</summary>
    private static string Ratios(double[] slower, double[] faster) => string.Create(CultureInfo.InvariantCulture,
        $"{slower.Min() / faster.Min():F2} / {Median(slower.Zip(faster, (a, b) => a / b)):F2}");

    private static double Milliseconds(Action action)
    {
        var clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalMilliseconds;
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static double RelativeError(float[] values, float[] reference)
    {
        double error = 0;
        double norm = 0;
        for (int i = 0; i < values.Length; i++)
        {
            error += Math.Pow(values[i] - (double)reference[i], 2);
            norm += Math.Pow(reference[i], 2);
        }
        return Math.Sqrt(error / norm);
    }
}
