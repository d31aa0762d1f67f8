using System.Diagnostics;
using System.Globalization;

namespace Benchmarks;

/// <summary>
/// Decode on the CPU path as bytes of K and V a second, beside the machine's read bandwidth measured on the same memory in the same rounds:
/// dense, and with four fifths of the tiles cold; for the query heads that share a key/value head too, since arithmetic grows with them. Best of the rounds, and the median of the rounds' own ratios, which other load strikes alike.
/// </summary>
internal static class CpuDecodeBenchmark
{
    private const float Lambda = 0.01f;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    public static void Run(string[] args)
    {
        int tokens = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 8192;
        int rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 7;
        int threads = Environment.ProcessorCount;
        Console.WriteLine($"batch 8, 8 key/value heads, d 128, {tokens} tokens, {threads} threads; {rounds} interleaved rounds, ratios best / median; λ = 0.01 on 80 % cold tiles");
        Console.WriteLine();
        Console.WriteLine("| element | query heads a key/value head | cache | K + V MB | read GB/s | dense GB/s | dense / read | sparsity | dense ms | skipping ms | dense / skipping |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (SkipSoftmax.ElementType element in (SkipSoftmax.ElementType[])[SkipSoftmax.ElementType.Float32, SkipSoftmax.ElementType.BFloat16])
        {
            foreach ((int group, bool paged) in ((int, bool)[])[(4, false), (4, true), (1, false), (2, false), (8, false)])
            {
                var workload = new DecodeWorkload(batch: 8, tokens, heads: 8, group, headDim: 128, element, paged, coldShare: 0.8, seed: 5);
                Console.WriteLine(Row(workload, element, group, paged, threads, rounds));
            }
        }
    }

    private static string Row(DecodeWorkload workload, SkipSoftmax.ElementType element, int group, bool paged, int threads, int rounds)
    {
        double[] read = new double[rounds], dense = new double[rounds], skipping = new double[rounds];
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < WarmUp;) // until the JIT has settled
        {
            workload.Run(null, threads);
            workload.Run(Lambda, threads);
            ReadBandwidth.Measure(threads, workload.Key);
        }
        for (int round = 0; round < rounds; round++)
        {
            read[round] = workload.Bytes / ReadBandwidth.Measure(threads, workload.Key, workload.Value);
            dense[round] = Time(() => workload.Run(null, threads));
            skipping[round] = Time(() => workload.Run(Lambda, threads));
        }
        return string.Create(CultureInfo.InvariantCulture,
            $"| {element} | {group} | {(paged ? "pages of 64" : "contiguous")} | {workload.Bytes / 1e6:f0} | {workload.Bytes / read.Min() / 1e9:f1} | {workload.Bytes / dense.Min() / 1e9:f1} | {Ratio(read, dense)} | {workload.Sparsity:f3} | {dense.Min() * 1e3:f1} | {skipping.Min() * 1e3:f1} | {Ratio(dense, skipping)} |");
    }

    private static string Ratio(double[] numerators, double[] denominators)
    {
        double[] ratios = [.. numerators.Zip(denominators, (numerator, denominator) => numerator / denominator).Order()];
        return string.Create(CultureInfo.InvariantCulture, $"{numerators.Min() / denominators.Min():f2} / {ratios[ratios.Length / 2]:f2}");
    }

    private static double Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
