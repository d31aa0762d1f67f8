using System.Collections.Concurrent;
using SkipSoftmax.Caching;
using SkipSoftmax.Compilation;

namespace SkipSoftmax.Tests;

/// <summary>One compilation for each kernel, from the text to the kept image.</summary>
public sealed class KernelImagesTests
{
    [Fact]
    public void One_key_is_compiled_once_however_many_threads_ask()
    {
        using var folder = new TemporaryFolder();
        var compiler = new FakeCompiler { Duration = TimeSpan.FromMilliseconds(50) };
        var images = new KernelImages(compiler, new(folder, Assert.Fail));
        var got = new ConcurrentBag<byte[]>();
        ManyThreads.Run(64, _ => got.Add(images.Get("text"u8, "sm_90a")));
        Assert.Equal(1, compiler.Compilations);
        Assert.Equal(64, got.Count);
        Assert.Single(got.Distinct());
    }

    [Fact]
    public void Concurrent_first_uses_load_one_kernel()
    {
        var driver = new FakeDriver(9, 0);
        var compiler = new FakeCompiler { Duration = TimeSpan.FromMilliseconds(50) };
        using AttentionContext context = FakeMachine.Context(driver, compiler, cacheFolder: null);
        ManyThreads.Run(64, _ => context.Prepare<BothTargets>());
        Assert.Equal((1, 1), (compiler.Compilations, driver.ModulesLoaded));
    }

    [Fact]
    public void Other_texts_and_architectures_are_compiled_apart()
    {
        var compiler = new FakeCompiler();
        var images = new KernelImages(compiler, new(null, static _ => { }));
        images.Get("text"u8, "sm_90a");
        images.Get("text"u8, "sm_100a");
        images.Get("other"u8, "sm_90a");
        images.Get("text"u8, "sm_90a");
        Assert.Equal(3, compiler.Compilations);
    }

    [Fact]
    public void Failure_is_not_remembered()
    {
        var compiler = new FakeCompiler { Failures = 1 };
        var images = new KernelImages(compiler, new(null, static _ => { }));
        Assert.Throws<KernelCompilationException>(() => images.Get("text"u8, "sm_90a"));
        Assert.Equal("text"u8.ToArray(), images.Get("text"u8, "sm_90a"));
    }

    [Fact]
    public void Kept_image_spares_the_compilation_until_the_compiler_changes()
    {
        using var folder = new TemporaryFolder();
        var first = new FakeCompiler();
        new KernelImages(first, new(folder, Assert.Fail)).Get("text"u8, "sm_90a");
        var same = new FakeCompiler();
        Assert.Equal("text"u8.ToArray(), new KernelImages(same, new(folder, Assert.Fail)).Get("text"u8, "sm_90a"));
        var newer = new FakeCompiler { Version = new(13, 1) };
        new KernelImages(newer, new(folder, Assert.Fail)).Get("text"u8, "sm_90a");
        Assert.Equal((1, 0, 1), (first.Compilations, same.Compilations, newer.Compilations));
    }

    [Fact]
    public void Damaged_kept_image_is_compiled_again_and_replaced()
    {
        using var folder = new TemporaryFolder();
        new KernelImages(new FakeCompiler(), new(folder, Assert.Fail)).Get("text"u8, "sm_90a");
        string path = Assert.Single(Directory.GetFiles(folder));
        byte[] good = File.ReadAllBytes(path), bad = [.. good];
        bad[^1] ^= 1;
        File.WriteAllBytes(path, bad);
        var warnings = new List<string>();
        var compiler = new FakeCompiler();
        Assert.Equal("text"u8.ToArray(), new KernelImages(compiler, new(folder, warnings.Add)).Get("text"u8, "sm_90a"));
        Assert.Equal(1, compiler.Compilations);
        Assert.Contains("damaged", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal(good, File.ReadAllBytes(path));
    }

    [Fact]
    public void Unusable_cache_folder_does_not_stop_compilation()
    {
        var warnings = new List<string>();
        var images = new KernelImages(new FakeCompiler(), new KernelCache("/dev/null/none", warnings.Add));
        Assert.Equal("text"u8.ToArray(), images.Get("text"u8, "sm_90a"));
        Assert.Contains("not kept", Assert.Single(warnings), StringComparison.Ordinal);
    }
}
