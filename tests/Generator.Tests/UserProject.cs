extern alias runtime;

using System.Collections.Immutable;
using Basic.Reference.Assemblies;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using SkipSoftmax.Generator.Specialization;

namespace SkipSoftmax.Generator.Tests;

/// <summary>A project of a user, as strict as projects get: nullable, documented, warnings as errors.</summary>
internal static class UserProject
{
    public static CSharpParseOptions ParseOptions { get; } =
        CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.CSharp13).WithDocumentationMode(DocumentationMode.Diagnose);

    private static readonly ImmutableArray<MetadataReference> References =
        [.. Net100.References.All, MetadataReference.CreateFromFile(typeof(runtime::SkipSoftmax.AttentionContext).Assembly.Location)];

    private static readonly CSharpCompilationOptions Options = new(
        OutputKind.DynamicallyLinkedLibrary,
        allowUnsafe: true,
        nullableContextOptions: NullableContextOptions.Enable,
        generalDiagnosticOption: ReportDiagnostic.Error,
        warningLevel: 9999);

    /// <summary>Stands in for <c>AttentionContext.Run</c> until the runtime has it.</summary>
    private static readonly SyntaxTree[] MissingApi = typeof(runtime::SkipSoftmax.AttentionContext).GetMethod("Run") is not null ? [] :
    [
        CSharpSyntaxTree.ParseText("""
            internal static class MissingApi
            {
                public static void Run<T>(this SkipSoftmax.AttentionContext context, in SkipSoftmax.AttentionInputs inputs,
                    SkipSoftmax.AttentionOutput output, SkipSoftmax.SkipThreshold threshold)
                    where T : SkipSoftmax.Descriptors.IAttentionDescriptor
                {
                }
            }
            """, ParseOptions, path: "MissingApi.cs"),
    ];

    public static CSharpCompilation Compile(params string[] sources) => CSharpCompilation.Create(
        "User", [.. sources.Select((source, index) => Parse(source, index)), .. MissingApi], References, Options);

    public static SyntaxTree Parse(string source, int index = 0, LanguageVersion? version = null) =>
        CSharpSyntaxTree.ParseText(source, version is { } v ? ParseOptions.WithLanguageVersion(v) : ParseOptions, path: $"User{index}.cs");

    public static GeneratorDriver MakeDriver(TemplateLibrary templates) => CSharpGeneratorDriver.Create(
        [new SkipSoftmaxGenerator(templates).AsSourceGenerator()],
        parseOptions: ParseOptions,
        driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    /// <summary>Runs the generator and then the analyzer, as a build does.</summary>
    public static async Task<BuildResult> Build(CSharpCompilation compilation, TemplateLibrary? templates = null)
    {
        GeneratorDriver driver = MakeDriver(templates ?? FakeTemplates.Library)
            .RunGeneratorsAndUpdateCompilation(compilation, out Compilation generated, out ImmutableArray<Diagnostic> fromGenerator);
        ImmutableArray<Diagnostic> fromAnalyzer = await generated
            .WithAnalyzers([new SkipSoftmaxAnalyzer()])
            .GetAnalyzerDiagnosticsAsync();
        return new(compilation, generated, [.. driver.GetRunResult().GeneratedTrees], fromGenerator, fromAnalyzer);
    }

    public static Task<BuildResult> Build(string source, TemplateLibrary? templates = null) => Build(Compile(source), templates);
}

/// <summary>What a build of a user's project gave.</summary>
internal sealed record BuildResult(
    CSharpCompilation Source,
    Compilation Compilation,
    ImmutableArray<SyntaxTree> GeneratedTrees,
    ImmutableArray<Diagnostic> FromGenerator,
    ImmutableArray<Diagnostic> FromAnalyzer)
{
    public IEnumerable<Diagnostic> CompilerDiagnostics =>
        Compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning);

    public string SingleGeneratedText => Assert.Single(GeneratedTrees).ToString();
}
