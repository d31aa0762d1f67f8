using System.Globalization;
using SkipSoftmax.Native;

namespace SkipSoftmax.Compilation;

/// <summary>Compiles kernel text with NVRTC. Needs no driver and no device.</summary>
internal sealed class KernelCompiler(NvrtcLibrary library) : IKernelCompiler
{
    public Version Version => library.Version;

    /// <summary>Everything besides the text and the compiler that decides the machine code: part of the cache key.</summary>
    public static string[] OptionsFor(string architecture) => [$"--gpu-architecture={architecture}", "--std=c++20"];

    /// <summary>The compiler made of the NVRTC that is found, or null and where it was looked for.</summary>
    public static (KernelCompiler? Compiler, string State) Find(string? path)
    {
        (NvrtcLibrary? library, string state) = NvrtcLocator.Find(path);
        return (library is null ? null : new(library), state);
    }

    public bool Supports(string architecture) =>
        library.SupportedCapabilities.Contains(int.Parse(architecture.AsSpan("sm_".Length).TrimEnd('a'), NumberStyles.None, CultureInfo.InvariantCulture));

    /// <param name="text">UTF-8, whole: no include is resolved.</param>
    /// <param name="architecture">Such as <c>sm_90a</c>.</param>
    /// <param name="report">Whether the log shall have ptxas' registers, spills and shared memory.</param>
    public CompiledKernel Compile(ReadOnlySpan<byte> text, string architecture, bool report = false)
    {
        string[] options = OptionsFor(architecture);
        (byte[] cubin, string log, string? error) = library.Compile(text, "skip_softmax.cu", report ? [.. options, "--ptxas-options=-v"] : options);
        return error is null
            ? new(cubin, log)
            : throw new KernelCompilationException($"NVRTC {Version} ({library.Path}) refused the kernel for {architecture}: {error}.", log);
    }
}
