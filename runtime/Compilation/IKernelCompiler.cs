namespace SkipSoftmax.Compilation;

/// <summary>A kernel's machine code and what the compiler said about it.</summary>
internal sealed record CompiledKernel(byte[] Cubin, string Log);

/// <summary>Turns whole kernel text into machine code.</summary>
internal interface IKernelCompiler
{
    /// <summary>Part of the cache key.</summary>
    Version Version { get; }

    /// <summary>Whether it knows an architecture such as <c>sm_90a</c>.</summary>
    bool Supports(string architecture);

    /// <exception cref="KernelCompilationException">The text was refused; carries the log.</exception>
    CompiledKernel Compile(ReadOnlySpan<byte> text, string architecture, bool report = false);
}
