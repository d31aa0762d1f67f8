using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace SkipSoftmax.Tool.Tests;

/// <summary><c>list</c> and <c>emit</c>, on each kind of source.</summary>
public sealed class DeclarationCommandTests : IDisposable
{
    private static readonly string[] names = ["User.Model.Decode", "User.Model.OnCpu", "User.Model.Prefill"];

    private readonly UserFiles files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void List_gives_every_declaration_of_a_source_with_its_kernels() => AssertListed(files.Source);

    [Fact]
    public void List_reads_a_built_assembly_alike() => AssertListed(files.Assembly);

    [Fact]
    public void List_builds_a_project_and_reads_it_alike()
    {
        _ = files.Source;
        files.Write("User.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
              </PropertyGroup>
              <ItemGroup>
                <Using Include="SkipSoftmax" />
                <Reference Include="{typeof(AttentionContext).Assembly.Location}" />
                <Analyzer Include="{Path.Combine(AppContext.BaseDirectory, "SkipSoftmax.Gen.Generator.dll")}" />
              </ItemGroup>
            </Project>
            """);

        AssertListed(files.Folder);
    }

    [Fact]
    public void List_shows_the_budgets_of_a_kernel()
    {
        string table = CommandLine.Run("list", files.Source, "--declaration", "Prefill").Output;

        Assert.Contains("sm90_prefill_bf16_d128", table);
        Assert.Contains("214,016 bytes", table);
        Assert.DoesNotContain("Decode", table);
    }

    [Fact]
    public void Emitted_text_is_the_descriptors()
    {
        string text = CommandLine.Run("emit", files.Source, "--declaration", "Prefill", "--kernel", "0").Output;

        Assert.StartsWith("// sm90_prefill_bf16_d128", text);
        Assert.Contains("extern \"C\"", text);
        Assert.DoesNotContain("#include", text);
        JsonElement answer = CommandLine.Answer(0, "emit", files.Assembly, "--declaration", "Model.Prefill");
        Assert.Equal(text, answer.GetProperty("text").GetString());
        string file = files.At("kernel.cu");
        Assert.Equal(0, CommandLine.Run("emit", files.Source, "--declaration", "Prefill", "-o", file).ExitCode);
        Assert.Equal(text, File.ReadAllText(file));
    }

    [Fact]
    public void Emit_that_could_mean_several_kernels_names_them()
    {
        CommandLine line = CommandLine.Run("emit", files.Source);

        Assert.Equal(2, line.ExitCode);
        Assert.Contains("--declaration User.Model.Prefill --kernel 0", line.Errors);
    }

    [Theory]
    [InlineData("public static partial class A { [SkipSoftmaxAttention(HeadDim = 65)] public static partial void M(AttentionContext c, in AttentionInputs i, AttentionOutput o, SkipThreshold t); }", "SSG008")]
    [InlineData("public class A;", "declares no method")]
    [InlineData("public class", "CS")]
    public void Source_without_usable_declarations_is_misuse(string source, string reason)
    {
        CommandLine line = CommandLine.Run("list", files.Write("Source.cs", source));

        Assert.Equal(2, line.ExitCode);
        Assert.Contains(reason, line.Errors);
    }

    [Fact]
    public void File_that_is_no_assembly_is_misuse()
    {
        CommandLine line = CommandLine.Run("list", files.Write("User.dll", "no assembly"));

        Assert.Equal(2, line.ExitCode);
        Assert.Contains("no .NET assembly", line.Errors);
    }

    [Fact]
    public void Assembly_built_with_a_newer_library_is_misuse_that_names_both_versions()
    {
        MetadataReference[] framework = [MetadataReference.CreateFromFile(typeof(object).Assembly.Location)];
        CSharpCompilationOptions options = new(OutputKind.DynamicallyLinkedLibrary);
        CSharpCompilation library = CSharpCompilation.Create(
            "SkipSoftmax.Gen", [CSharpSyntaxTree.ParseText("[assembly: System.Reflection.AssemblyVersion(\"99.1.0.0\")] public class Newer;")], framework, options);
        string path = files.At("User.dll");
        Assert.True(CSharpCompilation.Create("User", [CSharpSyntaxTree.ParseText("public class User : Newer;")], [.. framework, library.ToMetadataReference()], options).Emit(path).Success);

        CommandLine line = CommandLine.Run("list", path);

        Assert.Equal(2, line.ExitCode);
        Assert.Contains("99.1.0", line.Errors);
        Assert.Contains(typeof(AttentionContext).Assembly.GetName().Version!.ToString(3), line.Errors);
    }

    private static void AssertListed(string source)
    {
        JsonElement[] declarations = [.. CommandLine.Answer(0, "list", source).EnumerateArray()];

        Assert.Equal(names, declarations.Select(declaration => declaration.GetProperty("specification").GetProperty("name").GetString()));
        Assert.Equal(0, declarations[1].GetProperty("kernels").GetArrayLength());
        JsonElement kernel = Assert.Single(declarations[2].GetProperty("kernels").EnumerateArray());
        Assert.Equal(nameof(GpuTargets.Sm90), kernel.GetProperty("target").GetString());
        Assert.True(kernel.GetProperty("sharedMemoryBytes").GetInt32() > 0);
        Assert.NotEqual(0, declarations[0].GetProperty("kernels").GetArrayLength());
        Assert.Equal(64, declarations[0].GetProperty("specification").GetProperty("pageSize").GetInt32());
    }
}
