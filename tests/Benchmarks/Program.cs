using Benchmarks;

switch (args)
{
    case ["cpu", .. var rest]:
        CpuPrefillBenchmark.Run(rest);
        return 0;
    case ["decode", .. var rest]:
        CpuDecodeBenchmark.Run(rest);
        return 0;
    case ["decode-rules"]:
        DecodeRules.Run();
        return 0;
    default:
        Console.Error.WriteLine("""
            Usage: dotnet run -c Release --project tests/Benchmarks -- <benchmark>
              cpu [tokens [rounds]]   prefill on the CPU path beside ONNX Runtime's MultiHeadAttention (default 4096 5)
              decode [tokens [rounds]]   decode on the CPU path beside the machine's read bandwidth (default 8192 7)
              decode-rules              what one pass, splits and seeds skip of real tensors, and at which error
            """);
        return 2;
}
