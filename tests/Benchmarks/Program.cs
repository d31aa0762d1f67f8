using Benchmarks;

switch (args)
{
    case ["cpu", .. var rest]:
        CpuPrefillBenchmark.Run(rest);
        return 0;
    case ["decode", .. var rest]:
        CpuDecodeBenchmark.Run(rest);
        return 0;
    case ["dprobe", .. var rest]:
        foreach (var (bt, hd) in new[] { (8, 8), (64, 1) })
        foreach (var el in new[] { SkipSoftmax.ElementType.Float32, SkipSoftmax.ElementType.BFloat16 })
        foreach (int th in new[] { 1, 2, 2 })
        {
            var w = new DecodeWorkload(bt, 8192, hd, 4, 128, el, false, 0.8, 5);
            double best = 1e9, rd = 0;
            for (int i = 0; i < 25; i++) { rd = System.Math.Max(rd, ReadBandwidth.Measure(th, w.Key)); long t = System.Diagnostics.Stopwatch.GetTimestamp(); w.Run(null, th); best = System.Math.Min(best, System.Diagnostics.Stopwatch.GetElapsedTime(t).TotalSeconds); }
            System.Console.WriteLine($"{bt}x{hd} {el} threads {th}: {w.Bytes / best / 1e9:f1} GB/s, read {rd / 1e9:f1}");
        }
        return 0;
    default:
        Console.Error.WriteLine("""
            Usage: dotnet run -c Release --project tests/Benchmarks -- <benchmark>
              cpu [tokens [rounds]]   prefill on the CPU path beside ONNX Runtime's MultiHeadAttention (default 4096 5)
              decode [tokens [rounds]]   decode on the CPU path beside the machine's read bandwidth (default 8192 7)
            """);
        return 2;
}
