using SkipSoftmax.Compilation;

namespace SkipSoftmax.Tests;

/// <summary>A compiler that hands the text back as machine code, counts, and fails as often as it is told.</summary>
internal sealed class FakeCompiler : IKernelCompiler
{
    private int compilations;

    public Version Version { get; init; } = new(13, 0);

    public string[] Architectures { get; init; } = ["sm_90a", "sm_100a", "sm_103a"];

    public int Failures { get; set; }

    public TimeSpan Duration { get; init; }

    public int Compilations => compilations;

    public string? LastArchitecture { get; private set; }

    public bool Supports(string architecture) => Architectures.Contains(architecture);

    public CompiledKernel Compile(ReadOnlySpan<byte> text, string architecture, bool report = false)
    {
        LastArchitecture = architecture;
        Thread.Sleep(Duration);
        return Interlocked.Increment(ref compilations) <= Failures
            ? throw new KernelCompilationException("refused", "the log")
            : new([.. text], "");
    }
}
