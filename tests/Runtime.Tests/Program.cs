using System.Globalization;
using SkipSoftmax.Caching;
using SkipSoftmax.Compilation;

namespace SkipSoftmax.Tests;

/// <summary>Child process of the cache's tests.</summary>
internal static class Program
{
    /// <summary>Stores one entry of the folder over and over, until it is killed.</summary>
    public const string Store = "store";

    /// <summary>Stores and reads back one entry of the folder, as often as the argument says.</summary>
    public const string StoreAndRead = "store-and-read";

    /// <summary>Compiles kernels that other processes compile as well, and one that none does, as often as the argument says.</summary>
    public const string Compile = "compile";

    /// <summary>Kernels that all compiling processes share.</summary>
    public const int SharedKernels = 8;

    private static readonly List<string> failures = [];

    private static int Main(string[] arguments)
    {
        (string folder, string mode, int rounds) = (arguments[0], arguments[1], int.Parse(arguments[2], CultureInfo.InvariantCulture));
        for (int round = 0; round < rounds; round++)
        {
            switch (mode)
            {
                case Store:
                    StoreOnce(folder);
                    break;
                case StoreAndRead:
                    StoreAndReadOnce(folder, round);
                    break;
                default:
                    CompileAll(folder, round);
                    break;
            }
            if (round == 0)
            {
                Console.WriteLine(mode);
            }
        }
        failures.ForEach(Console.Error.WriteLine);
        return failures.Count == 0 ? 0 : 1;
    }

    private static void StoreOnce(string folder) => new KernelCache(folder, failures.Add).Write(KernelCacheTests.SharedKey, KernelCacheTests.SharedImage);

    private static void StoreAndReadOnce(string folder, int round)
    {
        StoreOnce(folder);
        if (new KernelCache(folder, failures.Add).TryRead(KernelCacheTests.SharedKey)?.AsSpan().SequenceEqual(KernelCacheTests.SharedImage) != true)
        {
            failures.Add($"Round {round}: the entry can't be read back.");
        }
    }

    /// <summary>Each round as a new process would: nothing is remembered but what lies in the folder.</summary>
    private static void CompileAll(string folder, int round)
    {
        var compiler = new FakeCompiler();
        var images = new KernelImages(compiler, new(folder, failures.Add));
        for (int kernel = 0; kernel <= SharedKernels; kernel++)
        {
            byte[] text = [.. KernelCacheTests.SharedImage, (byte)kernel, .. BitConverter.GetBytes(kernel == SharedKernels ? Environment.ProcessId : 0)];
            if (!images.Get(text, "sm_90a").AsSpan().SequenceEqual(text))
            {
                failures.Add($"Round {round}, kernel {kernel}: another image than the text's.");
            }
        }
        if (round > 0 && compiler.Compilations > 0)
        {
            failures.Add($"Round {round}: {compiler.Compilations} kernels were kept, and compiled again.");
        }
    }
}
