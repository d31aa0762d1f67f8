using System.Text;
using System.Text.Json;
using SkipSoftmax.Caching;
using SkipSoftmax.Compilation;
using SkipSoftmax.Tool.Caching;
using SkipSoftmax.Tool.Declarations;

namespace SkipSoftmax.Tool.Tests;

/// <summary><c>compile</c> with the real NVRTC; skipped, and said so, where there is none.</summary>
public sealed class CompileCommandTests : IDisposable
{
    private static readonly string unpacked = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "skip-softmax-cuda");

    private readonly UserFiles files = new();

    public void Dispose() => files.Dispose();

    [SkippableFact]
    public void Compiled_kernels_are_what_an_application_finds_in_that_folder_as_its_cache()
    {
        (KernelCompiler compiler, string path) = RequireCompiler();
        string folder = files.At("kernels");

        JsonElement answer = CommandLine.Answer(0, "compile", files.Source, "--output", folder, "--nvrtc", path, "--declaration", "Prefill");

        ExpectedKernel[] expected = [.. ExpectedKernel.Of(Declaration.ReadAll(DeclarationCompiler.Load(("Declarations.cs", UserFiles.Declarations)), "").Where(declaration => declaration.Specification.Name.EndsWith("Prefill", StringComparison.Ordinal)))];
        JsonElement[] rows = [.. answer.GetProperty("kernels").EnumerateArray()];
        Assert.Equal(expected.Select(kernel => kernel.Architecture), rows.Select(row => row.GetProperty("architecture").GetString()));
        Assert.All(rows, row =>
        {
            Assert.InRange(row.GetProperty("registers").GetInt32(), 1, 255);
            Assert.Equal(0, row.GetProperty("spilledBytes").GetInt32());
        });
        List<string> warnings = [];
        KernelImages withoutCompiler = new(null, new(folder, warnings.Add));
        Assert.All(expected, kernel =>
        {
            byte[] text = Encoding.UTF8.GetBytes(kernel.Text);
            byte[] image = withoutCompiler.Get(text, kernel.Architecture);
            // The report changes no instruction; ptxas notes in the cubin that it was asked for one.
            Assert.Equal(compiler.Compile(text, kernel.Architecture, report: true).Cubin, image);
            Assert.Equal(image, new KernelCache(folder, warnings.Add).TryRead(KernelKey.Of(text, KernelCompiler.OptionsFor(kernel.Architecture), compiler.Version)));
        });
        Assert.Empty(warnings);
    }

    [SkippableFact]
    public void Every_architecture_of_the_declared_targets_is_compiled()
    {
        (_, string path) = RequireCompiler();
        string source = files.Write("Both.cs", UserFiles.Declarations.Replace("HeadDim = 128, Targets = GpuTargets.Sm90", "HeadDim = 128, Targets = GpuTargets.Sm90 | GpuTargets.Sm100", StringComparison.Ordinal));

        JsonElement answer = CommandLine.Answer(0, "compile", source, "--output", files.At("kernels"), "--nvrtc", path, "--declaration", "Prefill");

        Assert.Equal(["sm_90a", "sm_100a", "sm_103a"], answer.GetProperty("kernels").EnumerateArray().Select(row => row.GetProperty("architecture").GetString()));
        Assert.Equal(3, Directory.GetFiles(files.At("kernels")).Length);
    }

    [SkippableFact]
    public void Listed_cache_names_the_kernels_of_the_source_that_made_it()
    {
        (_, string path) = RequireCompiler();
        string folder = files.At("kernels");
        CommandLine.Answer(0, "compile", files.Source, "--output", folder, "--nvrtc", path, "--declaration", "Prefill");

        JsonElement entry = Assert.Single(CommandLine.Answer(0, "cache", "list", files.Assembly, "--folder", folder).GetProperty("entries").EnumerateArray());

        Assert.Equal("User.Model.Prefill", entry.GetProperty("declaration").GetString());
        Assert.Equal("Good", entry.GetProperty("state").GetString());
    }

    [Fact]
    public void Without_nvrtc_it_is_missing_and_says_where_it_looked()
    {
        string error = CommandLine.Answer(3, "compile", files.Source, "-o", files.At("kernels"), "--nvrtc", files.Folder).GetProperty("error").GetString()!;

        Assert.Contains(files.Folder, error);
    }

    [Theory]
    [InlineData("sm_20a", "sm_20a is none of those declared")]
    public void Architecture_that_is_not_declared_is_misuse(string architecture, string reason) =>
        Assert.Contains(reason, CommandLine.Answer(2, "compile", files.Source, "-o", files.At("kernels"), "-a", architecture).GetProperty("error").GetString());

    [Fact]
    public void Declarations_without_targets_have_nothing_to_compile() =>
        Assert.Contains("no Targets", CommandLine.Answer(2, "compile", files.Source, "-o", files.At("kernels"), "--declaration", "OnCpu").GetProperty("error").GetString());

    private static (KernelCompiler Compiler, string Path) RequireCompiler()
    {
        (KernelCompiler? compiler, string state) = KernelCompiler.Find(Directory.Exists(unpacked) ? unpacked : null);
        Skip.If(compiler is null, state);
        return (compiler!, unpacked);
    }
}
