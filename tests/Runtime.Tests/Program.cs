using System.Globalization;
using SkipSoftmax.Caching;

namespace SkipSoftmax.Tests;

/// <summary>Child process of <see cref="KernelCacheTests"/>: writes and reads one entry of a shared folder over and over.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        string folder = arguments[0];
        int rounds = int.Parse(arguments[1], CultureInfo.InvariantCulture);
        var failures = new List<string>();
        var cache = new KernelCache(folder, failures.Add);
        for (int round = 0; round < rounds; round++)
        {
            cache.Write(KernelCacheTests.SharedKey, KernelCacheTests.SharedImage);
            if (cache.TryRead(KernelCacheTests.SharedKey)?.AsSpan().SequenceEqual(KernelCacheTests.SharedImage) != true)
            {
                failures.Add($"Round {round}: the entry can't be read back.");
            }
            if (round == 0)
            {
                Console.WriteLine("writing");
            }
        }
        failures.ForEach(Console.Error.WriteLine);
        return failures.Count == 0 ? 0 : 1;
    }
}
