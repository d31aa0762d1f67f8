using System.Collections.Concurrent;
using System.Diagnostics;
using SkipSoftmax.Caching;
using SkipSoftmax.Compilation;
using Xunit.Abstractions;

namespace SkipSoftmax.Tests;

/// <summary>Whatever happens to folder, entries and processes: no image but the right one, no exception, and at worst a compilation.</summary>
public sealed class KernelCacheFaultTests(ITestOutputHelper output)
{
    private static readonly byte[] text = [.. Enumerable.Range(0, 300).Select(index => (byte)index)];

    [Fact]
    public void Process_killed_at_any_point_of_a_store_leaves_the_entry_as_it_was()
    {
        const int kills = 1000, atATime = 4;
        int seed = Environment.TickCount;
        output.WriteLine($"Seed {seed}.");
        using var folder = new TemporaryFolder();
        var cache = new KernelCache(folder, Assert.Fail);
        cache.Write(KernelCacheTests.SharedKey, KernelCacheTests.SharedImage);
        Parallel.For(0, atATime, new ParallelOptions { MaxDegreeOfParallelism = atATime }, worker =>
        {
            var random = new Random(seed + worker);
            for (int kill = 0; kill < kills / atATime; kill++)
            {
                using Process child = Child.Start(folder, Program.Store, int.MaxValue);
                Assert.Equal(Program.Store, child.StandardOutput.ReadLine());
                long until = Stopwatch.GetTimestamp() + random.NextInt64(Stopwatch.Frequency / 100);
                while (Stopwatch.GetTimestamp() < until)
                {
                    Thread.SpinWait(10);
                }
                child.Kill();
                child.WaitForExit();
                Assert.Equal(KernelCacheTests.SharedImage, cache.TryRead(KernelCacheTests.SharedKey));
            }
        });
        int interrupted = Directory.GetFiles(folder, $"*{KernelCache.TemporaryExtension}").Length;
        output.WriteLine($"{interrupted} of {kills} kills fell between the creation of a file and its renaming.");
        Assert.True(interrupted > kills / 10, $"Only {interrupted} of {kills} kills interrupted a store: the test no longer tests it.");
    }

    [Fact]
    public void Processes_that_compile_same_and_different_kernels_at_once_all_get_theirs()
    {
        const int processes = 32;
        using var folder = new TemporaryFolder();
        Process[] children = [.. Enumerable.Range(0, processes).Select(_ => Child.Start(folder, Program.Compile, rounds: 5))];
        Array.ForEach(children, Child.RequireSuccess);
        Array.ForEach(children, child => child.Dispose());
        Assert.Equal(Program.SharedKernels + processes, Directory.GetFiles(folder).Length);
    }

    [Fact]
    public void Processes_that_store_and_read_one_entry_never_see_a_part()
    {
        using var folder = new TemporaryFolder();
        using Process first = Child.Start(folder, Program.StoreAndRead, rounds: 100), second = Child.Start(folder, Program.StoreAndRead, rounds: 100);
        Child.RequireSuccess(first);
        Child.RequireSuccess(second);
    }

    [Fact]
    public void Entry_with_any_byte_flipped_is_compiled_again()
    {
        using var folder = new TemporaryFolder();
        (string path, byte[] entry) = Keep(folder);
        for (int index = 0; index < entry.Length; index++)
        {
            byte[] flipped = [.. entry];
            flipped[index] ^= 0xFF;
            RequireRepair(folder, path, flipped, entry);
        }
    }

    [Fact]
    public void Entry_cut_to_any_length_is_compiled_again()
    {
        using var folder = new TemporaryFolder();
        (string path, byte[] entry) = Keep(folder);
        for (int length = 0; length < entry.Length; length++)
        {
            RequireRepair(folder, path, entry[..length], entry);
        }
    }

    [SkippableTheory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/full")]
    [InlineData("/nowhere/at/all")]
    [InlineData("/")]
    [InlineData(".")]
    public void Entry_that_is_a_link_elsewhere_is_compiled_again(string target)
    {
        Skip.If(OperatingSystem.IsWindows(), "Links need a privilege on Windows.");
        using var folder = new TemporaryFolder();
        (string path, byte[] entry) = Keep(folder);
        File.Delete(path);
        File.CreateSymbolicLink(path, target);
        var warnings = new List<string>();
        Assert.Equal(text, Get(folder, warnings.Add, out FakeCompiler compiler));
        Assert.Equal(1, compiler.Compilations);
        Assert.True(warnings.Count <= 1, string.Join("\n", warnings));
        Assert.Null(File.ResolveLinkTarget(path, returnFinalTarget: false));
        Assert.Equal(entry, File.ReadAllBytes(path));
    }

    [SkippableFact]
    public void Entry_of_more_bytes_than_any_kernel_has_is_not_read()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Files with holes: other systems would write 4 GiB.");
        using var folder = new TemporaryFolder();
        (string path, byte[] entry) = Keep(folder);
        using (FileStream stream = File.OpenWrite(path))
        {
            stream.SetLength(1L << 32);
        }
        var warnings = new List<string>();
        Assert.Equal(text, Get(folder, warnings.Add, out _));
        Assert.Contains("damaged", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal(entry, File.ReadAllBytes(path));
    }

    [Fact]
    public void Folder_removed_while_it_is_used_is_made_again()
    {
        using var parent = new TemporaryFolder();
        string folder = Path.Combine(parent, "cache");
        var images = new KernelImages(new FakeCompiler(), new(folder, Assert.Fail));
        for (byte kernel = 0; kernel < 10; kernel++)
        {
            Assert.Equal([kernel], images.Get([kernel], "sm_90a"));
            Directory.Delete(folder, recursive: true);
        }
        images.Get([10], "sm_90a");
        Assert.Single(Directory.GetFiles(folder));
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Folder_that_others_take_over_while_it_is_used_gives_no_image(bool byLink)
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows has no Unix modes.");
        using var parent = new TemporaryFolder();
        string folder = Path.Combine(parent, "cache"), planted = Path.Combine(parent, "planted");
        var warnings = new List<string>();
        var cache = new KernelCache(folder, warnings.Add);
        var compiler = new FakeCompiler();
        Assert.Null(cache.Refusal);
        KernelKey key = KernelKey.Of(text, KernelCompiler.OptionsFor("sm_90a"), compiler.Version);
        new KernelCache(planted, Assert.Fail).Write(key, "planted"u8);
        Directory.Delete(folder);
        if (byLink)
        {
            Directory.CreateSymbolicLink(folder, planted);
        }
        else
        {
            Directory.Move(planted, folder);
        }
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherWrite);
        }
        Assert.Equal(text, new KernelImages(compiler, cache).Get(text, "sm_90a"));
        Assert.All(warnings, warning => Assert.Contains("can be written by others", warning, StringComparison.Ordinal));
        Assert.Equal("planted"u8.ToArray(), KernelCacheEntry.Decode(key, File.ReadAllBytes(Assert.Single(Directory.GetFiles(folder)))));
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Folder_replaced_by_a_link_is_used_where_it_leads_to_an_own_one(bool leads)
    {
        Skip.If(OperatingSystem.IsWindows(), "Links need a privilege on Windows.");
        using var parent = new TemporaryFolder();
        string folder = Path.Combine(parent, "cache"), target = Path.Combine(parent, "target");
        var warnings = new List<string>();
        var cache = new KernelCache(folder, warnings.Add);
        Assert.Null(cache.Refusal);
        Directory.Delete(folder);
        Directory.CreateSymbolicLink(folder, target);
        if (leads)
        {
            Directory.CreateDirectory(target);
        }
        Assert.Equal(text, new KernelImages(new FakeCompiler(), cache).Get(text, "sm_90a"));
        Assert.Equal(leads, Directory.Exists(target) && Directory.GetFiles(target).Length == 1);
        Assert.Equal(leads, warnings.Count == 0);
    }

    [SkippableFact]
    public void Full_disk_costs_a_warning_and_leaves_nothing()
    {
        using var disk = SmallDisk.Mount();
        byte[] large = new byte[100_000];
        var warnings = new List<string>();
        var images = new KernelImages(new FakeCompiler(), new(disk, warnings.Add));
        Assert.Equal(text, images.Get(text, "sm_90a"));
        Assert.Empty(warnings);
        Assert.Equal(large, images.Get(large, "sm_90a"));
        Assert.Contains("can't be kept", Assert.Single(warnings), StringComparison.Ordinal);
        // What was kept before is still there.
        Assert.Single(Directory.GetFiles(disk));
        Assert.Equal(text, Get(disk, Assert.Fail, out FakeCompiler compiler));
        Assert.Equal(0, compiler.Compilations);
    }

    [SkippableFact]
    public void Disk_that_turns_read_only_still_gives_what_it_holds()
    {
        using var disk = SmallDisk.Mount();
        (string path, byte[] entry) = Keep(disk);
        byte[] other = [1, 2, 3];
        Get(disk, Assert.Fail, out _, other);
        entry[^1] ^= 1;
        File.WriteAllBytes(path, entry);
        disk.MakeReadOnly();
        var warnings = new List<string>();
        Assert.Equal(other, Get(disk, warnings.Add, out FakeCompiler compiler, other));
        Assert.Empty(warnings);
        Assert.Equal(0, compiler.Compilations);
        Assert.Equal(text, Get(disk, warnings.Add, out compiler));
        Assert.Equal(1, compiler.Compilations);
        Assert.Contains(warnings, warning => warning.Contains("damaged", StringComparison.Ordinal));
        Assert.Contains(warnings, warning => warning.Contains("can't be kept", StringComparison.Ordinal));
    }

    [SkippableFact]
    public void Folder_pulled_from_under_many_threads_loses_no_result()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows does not remove what is in use.");
        using var parent = new TemporaryFolder();
        string folder = Path.Combine(parent, "cache"), aside = Path.Combine(parent, "aside");
        int running = 8;
        var failures = new ConcurrentQueue<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, running).Select(thread => new Thread(() =>
        {
            try
            {
                for (int round = 0; round < 200; round++)
                {
                    var images = new KernelImages(new FakeCompiler(), new(folder, static _ => { }));
                    byte[] kernel = [.. text, (byte)(round % 5)];
                    Assert.Equal(kernel, images.Get(kernel, "sm_90a"));
                }
            }
            catch (Exception exception)
            {
                failures.Enqueue(exception);
            }
            Interlocked.Decrement(ref running);
        }))];
        Array.ForEach(threads, thread => thread.Start());
        for (int fault = 0; Volatile.Read(ref running) > 0; fault++)
        {
            Break(folder, aside, fault % 4);
            Thread.Yield();
        }
        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(failures);
    }

    private static void Break(string folder, string aside, int fault)
    {
        try
        {
            switch (fault)
            {
                case 0:
                    Directory.Delete(folder, recursive: true);
                    break;
                case 1:
                    Directory.Move(folder, aside);
                    Directory.CreateSymbolicLink(folder, aside);
                    break;
                case 2:
                    File.Delete(folder);
                    Directory.Delete(aside, recursive: true);
                    break;
                default:
                    foreach (string entry in Directory.GetFiles(folder))
                    {
                        File.WriteAllText(entry, "damaged");
                    }
                    break;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The threads were quicker; the next fault comes at once.
        }
    }

    private static byte[] Get(string folder, Action<string> warn, out FakeCompiler compiler, byte[]? kernel = null)
    {
        compiler = new FakeCompiler();
        return new KernelImages(compiler, new(folder, warn)).Get(kernel ?? text, "sm_90a");
    }

    private static (string Path, byte[] Entry) Keep(string folder)
    {
        Get(folder, Assert.Fail, out _);
        string path = Assert.Single(Directory.GetFiles(folder));
        return (path, File.ReadAllBytes(path));
    }

    private static void RequireRepair(string folder, string path, byte[] damaged, byte[] whole)
    {
        File.WriteAllBytes(path, damaged);
        var warnings = new List<string>();
        Assert.Equal(text, Get(folder, warnings.Add, out FakeCompiler compiler));
        Assert.Equal(1, compiler.Compilations);
        Assert.Contains("damaged", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal(whole, File.ReadAllBytes(path));
    }
}
