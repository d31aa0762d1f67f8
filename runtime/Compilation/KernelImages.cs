using System.Collections.Concurrent;
using System.Diagnostics;
using SkipSoftmax.Caching;
using SkipSoftmax.Diagnostics;

namespace SkipSoftmax.Compilation;

/// <summary>Machine code of kernels: from the cache, or compiled and kept there; once for each key, however many threads ask.</summary>
/// <param name="compiler">Null where NVRTC is absent: then only the cache can answer.</param>
/// <param name="cache">Where images outlive the process.</param>
internal sealed class KernelImages(IKernelCompiler? compiler, KernelCache cache)
{
    private readonly ConcurrentDictionary<KernelKey, Lazy<byte[]>> made = [];

    /// <summary>Why there can be no image for this text, or null where there is one or it can be compiled.</summary>
    public string? WhyUnavailable(ReadOnlySpan<byte> text, string architecture, string compilerState)
    {
        if (compiler is null)
        {
            return cache.TryReadAnyCompiler(KernelKey.HashText(text, KernelCompiler.OptionsFor(architecture))) is null
                ? $"{compilerState} No cached kernel for {architecture} either."
                : null;
        }
        return compiler.Supports(architecture) ? null : $"NVRTC {compiler.Version} is too old for {architecture}: install that of a newer CUDA toolkit.";
    }

    /// <summary>The cubin. An attempt that fails is not remembered: the next call tries again.</summary>
    /// <exception cref="KernelCompilationException">The compiler refused the text, or there is neither compiler nor cached image.</exception>
    public byte[] Get(ReadOnlySpan<byte> text, string architecture)
    {
        string[] options = KernelCompiler.OptionsFor(architecture);
        if (compiler is null)
        {
            string hash = KernelKey.HashText(text, options);
            byte[]? kept = cache.TryReadAnyCompiler(hash);
            Telemetry.LookedUp(hash, found: kept is not null);
            return kept
                ?? throw new KernelCompilationException($"There is no NVRTC and no cached kernel for {architecture}: install NVRTC or set AttentionOptions.NvrtcPath.", "");
        }
        byte[] copy = text.ToArray();
        KernelKey key = KernelKey.Of(copy, options, compiler.Version);
        Lazy<byte[]> image = made.GetOrAdd(key, key => new(() => LookUp(key) ?? CompileAndKeep(key, copy, architecture)));
        try
        {
            return image.Value;
        }
        catch
        {
            made.TryRemove(KeyValuePair.Create(key, image));
            throw;
        }
    }

    private byte[]? LookUp(KernelKey key)
    {
        byte[]? image = cache.TryRead(key);
        Telemetry.LookedUp(key.FileName, found: image is not null);
        return image;
    }

    private byte[] CompileAndKeep(KernelKey key, byte[] text, string architecture)
    {
        byte[] cubin = Compile(key, text, architecture);
        cache.Write(key, cubin);
        return cubin;
    }

    private byte[] Compile(KernelKey key, byte[] text, string architecture)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            byte[] cubin = compiler!.Compile(text, architecture).Cubin;
            Telemetry.Compiled(key.FileName, architecture, started, error: null);
            return cubin;
        }
        catch (KernelCompilationException exception)
        {
            Telemetry.Compiled(key.FileName, architecture, started, exception);
            throw;
        }
    }
}
