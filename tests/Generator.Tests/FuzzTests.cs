using System.Collections.Immutable;
using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit.Abstractions;

namespace SkipSoftmax.Generator.Tests;

/// <summary>
/// <c>SKIPSOFTMAX_FUZZ_FILES=100000 dotnet test -c Release tests/Generator.Tests --filter FullyQualifiedName~FuzzTests</c> tries so many sources.
/// </summary>
public class FuzzTests(ITestOutputHelper output)
{
    private const int FilesOfATestRun = 20_000;
    private const int FilesPerBatch = 500;

    /// <summary>What a declaration that gives no code leaves behind: parts without a body.</summary>
    private static readonly ImmutableHashSet<string> MissingBody = ["CS8795"];

    [Fact]
    public void No_source_makes_the_generator_throw_or_emit_code_that_does_not_compile()
    {
        int seed = Setting("SKIPSOFTMAX_FUZZ_SEED") ?? Environment.TickCount, files = Setting("SKIPSOFTMAX_FUZZ_FILES") ?? FilesOfATestRun;
        output.WriteLine($"Seed {seed}; set SKIPSOFTMAX_FUZZ_SEED to repeat it.");
        DeclarationFuzzer fuzzer = new(new Random(seed));
        Tally total = new(0, 0, 0);
        for (int first = 0; first < files; first += FilesPerBatch)
        {
            string[] sources = [.. Enumerable.Range(first, FilesPerBatch).Select(fuzzer.NextFile)];
            total += CheckBatch(sources, seed);
        }

        output.WriteLine($"{files} files gave {total.Generated} descriptors, and {total.Diagnosed} a diagnostic of ours. The compiler rejects {total.Broken}.");
        Assert.True(total.Generated > files / 5, $"Only {total.Generated} declarations were valid: the fuzzer no longer tests emission. Seed {seed}.");
        Assert.True(total.Diagnosed > files / 10, $"Only {total.Diagnosed} files had a mistake: the fuzzer no longer tests diagnostics. Seed {seed}.");
        Assert.True(total.Broken > files / 10, $"Only {total.Broken} files were damaged: the fuzzer no longer tests editing. Seed {seed}.");
    }

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : null;

    private static Tally CheckBatch(string[] sources, int seed)
    {
        CSharpCompilation compilation = UserProject.Compile(sources);
        compilation = compilation.WithOptions(compilation.Options.WithSpecificDiagnosticOptions([new("CS1591", ReportDiagnostic.Suppress)]));
        GeneratorDriver driver = UserProject.MakeDriver(FakeTemplates.Library)
            .RunGeneratorsAndUpdateCompilation(compilation, out Compilation generated, out ImmutableArray<Diagnostic> fromGenerator);
        GeneratorRunResult result = driver.GetRunResult().Results[0];
        Assert.True(result.Exception is null, $"Seed {seed}: {result.Exception}");
        Assert.True(fromGenerator.All(diagnostic => diagnostic.Id.StartsWith("SSG", StringComparison.Ordinal) && diagnostic.Id != "SSG018"), $"Seed {seed}: {string.Join("\n", fromGenerator)}");
        Assert.True(fromGenerator.Distinct().Count() == fromGenerator.Length, $"Seed {seed}: reported twice: {string.Join("\n", fromGenerator)}");
        HashSet<string> diagnosed = [.. fromGenerator.Select(diagnostic => diagnostic.Location.GetLineSpan().Path)];

        foreach (GeneratedSourceResult source in result.GeneratedSources)
        {
            Assert.True(!source.SyntaxTree.GetDiagnostics().Any(), $"Seed {seed}: not C#:\n{source.SourceText}");
        }

        // Warnings are errors in this project.
        Diagnostic[] compiler = [.. generated.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
        HashSet<SyntaxTree> userTrees = [.. compilation.SyntaxTrees];
        HashSet<SyntaxTree?> broken = [.. compiler
            .Where(diagnostic => !MissingBody.Contains(diagnostic.Id) && diagnostic.Location.SourceTree is { } tree && userTrees.Contains(tree))
            .Select(diagnostic => diagnostic.Location.SourceTree)];

        // A method without a body is one that the generator left out: then one of us must have said why.
        Assert.All(
            compiler.Where(diagnostic => MissingBody.Contains(diagnostic.Id)).Select(diagnostic => diagnostic.Location.SourceTree),
            tree => Assert.True(broken.Contains(tree) || diagnosed.Contains(tree!.FilePath) || !Declares(tree!), $"Seed {seed}: silently left out:\n{tree}"));

        // Generated code may be wrong only where the user's own file is.
        foreach (Diagnostic diagnostic in compiler.Where(diagnostic => !userTrees.Contains(diagnostic.Location.SourceTree!)))
        {
            if (diagnostic.Location.SourceTree is null) // CS1551, of a damaged indexer, names no place
            {
                Assert.True(broken.Count > 0, $"Seed {seed}: {diagnostic}");
                continue;
            }
            SyntaxTree[] origins = [.. FindSources(generated, diagnostic.Location.SourceTree)];
            Assert.True(origins.Any(broken.Contains), $"Seed {seed}: {diagnostic}\n{diagnostic.Location.SourceTree}\ncame from\n{string.Join("\n", (object[])origins)}");
        }
        return new(result.GeneratedSources.Length, diagnosed.Count, broken.Count);
    }

    /// <summary>The user's files with a part of a type that the generated file adds to.</summary>
    private static IEnumerable<SyntaxTree> FindSources(Compilation compilation, SyntaxTree generated)
    {
        SemanticModel model = compilation.GetSemanticModel(generated);
        return generated.GetRoot().DescendantNodes().OfType<TypeDeclarationSyntax>()
            .SelectMany(type => model.GetDeclaredSymbol(type)!.DeclaringSyntaxReferences)
            .Select(reference => reference.SyntaxTree)
            .Where(tree => tree != generated)
            .Distinct();
    }

    /// <summary>Not by the text: an attribute may have been damaged into a comment, and is none then.</summary>
    private static bool Declares(SyntaxTree tree) => tree.GetRoot().DescendantNodes().OfType<AttributeSyntax>()
        .Any(attribute => attribute.Name.ToString().Contains("SkipSoftmaxAttention", StringComparison.Ordinal));

    private sealed record Tally(int Generated, int Diagnosed, int Broken)
    {
        public static Tally operator +(Tally a, Tally b) => new(a.Generated + b.Generated, a.Diagnosed + b.Diagnosed, a.Broken + b.Broken);
    }
}
