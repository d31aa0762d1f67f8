using SkipSoftmax.Compilation;
using SkipSoftmax.Native;

namespace SkipSoftmax.Tests;

/// <summary>The real NVRTC, where it is installed or unpacked.</summary>
public sealed class NvrtcTests
{
    private static readonly Lazy<(KernelCompiler? Compiler, string State)> found = new(Find);

    private static ReadOnlySpan<byte> Kernel => """
        extern "C" __global__ void twice(float* values) { values[threadIdx.x] *= 2; }
        """u8;

    [SkippableTheory]
    [InlineData("sm_90a")]
    [InlineData("sm_100a")]
    [InlineData("sm_103a")]
    public void Kernel_text_becomes_a_cubin(string architecture)
    {
        KernelCompiler compiler = Required();
        Skip.IfNot(compiler.Supports(architecture), $"NVRTC {compiler.Version} is too old for {architecture}.");
        CompiledKernel kernel = compiler.Compile(Kernel, architecture);
        Assert.Equal([0x7F, (byte)'E', (byte)'L', (byte)'F'], kernel.Cubin[..4]);
        Assert.Equal("", kernel.Log);
    }

    [SkippableFact]
    public void Report_tells_registers_and_spills()
    {
        string log = Required().Compile(Kernel, "sm_90a", report: true).Log;
        Assert.Contains("registers", log, StringComparison.Ordinal);
        Assert.Contains("spill", log, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Text_that_does_not_compile_is_an_error_with_nvrtcs_log()
    {
        KernelCompiler compiler = Required();
        var exception = Assert.Throws<KernelCompilationException>(() => compiler.Compile("int x = undeclared_name;"u8, "sm_90a"));
        Assert.Contains("undeclared_name", exception.Log, StringComparison.Ordinal);
        Assert.Contains("sm_90a", exception.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Architectures_nvrtc_does_not_know_are_not_supported() => Assert.False(Required().Supports("sm_20a"));

    [Fact]
    public void Path_that_holds_no_nvrtc_is_a_state_that_says_so()
    {
        using var folder = new TemporaryFolder();
        (NvrtcLibrary? library, string state) = NvrtcLocator.Find(folder);
        Assert.Null(library);
        Assert.Contains($"'{folder.Path}' holds no", state, StringComparison.Ordinal);
        string file = Path.Combine(folder, OperatingSystem.IsWindows() ? "nvrtc64_130_0.dll" : "libnvrtc.so.13");
        File.WriteAllText(file, "no library");
        (library, state) = NvrtcLocator.Find(folder);
        Assert.Null(library);
        Assert.Contains($"{file} can't be loaded", state, StringComparison.Ordinal);
        Assert.Contains(file, NvrtcLocator.Find(file).State, StringComparison.Ordinal);
    }

    private static KernelCompiler Required()
    {
        Skip.If(found.Value.Compiler is null, found.Value.State);
        return found.Value.Compiler!;
    }

    private static (KernelCompiler? Compiler, string State) Find()
    {
        string unpacked = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "skip-softmax-cuda");
        (KernelCompiler? compiler, string state) = KernelCompiler.Find(null);
        return compiler is null && Directory.Exists(unpacked) ? KernelCompiler.Find(unpacked) : (compiler, state);
    }
}
