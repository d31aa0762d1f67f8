extern alias runtime;

using System.Collections.Immutable;
using Basic.Reference.Assemblies;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using SkipSoftmax.Generator.Specialization;

namespace SkipSoftmax.Generator.Tests;

/// <summary>A project of a user, as strict as projects get: nullable, documented, warnings as errors.</summary>
internal static class UserProject
{
    public static CSharpParseOptions ParseOptions { get; } =
        CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.CSharp13).WithDocumentationMode(DocumentationMode.Diagnose);

    private static readonly ImmutableArray<MetadataReference> References =
        [Net100.References.SystemRuntime, Net100.References.SystemMemory, Net100.References.SystemCollections, MetadataReference.CreateFromFile(typeof(runtime::SkipSoftmax.AttentionContext).Assembly.Location)];

    private static readonly CSharpCompilationOptions Options = new(
        OutputKind.DynamicallyLinkedLibrary,
        allowUnsafe: true,
        nullableContextOptions: NullableContextOptions.Enable,
        generalDiagnosticOption: ReportDiagnostic.Error,
        warningLevel: 9999,
        concurrentBuild: false);

    public static CSharpCompilation Compile(params string[] sources) => CSharpCompilation.Create(
        "User", sources.Select((source, index) => Parse(source, index)), References, Options);

    public static SyntaxTree Parse(string source, int index = 0, LanguageVersion? version = null) =>
        CSharpSyntaxTree.ParseText(source, version is { } v ? ParseOptions.WithLanguageVersion(v) : ParseOptions, path: $"User{index}.cs");

    public static GeneratorDriver MakeDriver(TemplateLibrary templates) => CSharpGeneratorDriver.Create(
        [new SkipSoftmaxGenerator(templates).AsSourceGenerator()],
        parseOptions: ParseOptions,
        driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    public static BuildResult Build(CSharpCompilation compilation, TemplateLibrary? templates = null)
    {
        GeneratorDriver driver = MakeDriver(templates ?? FakeTemplates.Library)
            .RunGeneratorsAndUpdateCompilation(compilation, out Compilation generated, out ImmutableArray<Diagnostic> reported);
        return new(generated, [.. driver.GetRunResult().GeneratedTrees], reported);
    }

    public static BuildResult Build(string source, TemplateLibrary? templates = null) => Build(Compile(source), templates);
}

/// <summary>What a build of a user's project gave.</summary>
internal sealed record BuildResult(
    Compilation Compilation,
    ImmutableArray<SyntaxTree> GeneratedTrees,
    ImmutableArray<Diagnostic> Reported)
{
    public IEnumerable<Diagnostic> CompilerDiagnostics =>
        Compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning);

    public string SingleGeneratedText => Assert.Single(GeneratedTrees).ToString();
}
