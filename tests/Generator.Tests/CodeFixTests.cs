using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using SkipSoftmax.Generator.CodeFixes;

namespace SkipSoftmax.Generator.Tests;

/// <summary>What an IDE offers for a diagnostic: after it, the declaration has none.</summary>
public class CodeFixTests
{
    private const string Parameters = "AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold";

    [Theory]
    [InlineData("public static void Prefill(#) { }", "public static partial void Prefill(#);")]
    [InlineData("public static void Prefill(#);", "public static partial void Prefill(#);")]
    [InlineData("public static partial void Prefill(#) => throw null!;", "public static partial void Prefill(#);")]
    [InlineData("public static extern void Prefill(#);", "public static partial void Prefill(#);")]
    [InlineData("void Prefill(#) { }", "partial void Prefill(#);")]
    public Task Method_becomes_partial_and_bodiless(string written, string expected) => RequireFixed(new MakePartialFix(), "SSG001", InClass(written), InClass(expected));

    [Theory]
    [InlineData("internal static class Model", "internal static partial class Model")]
    [InlineData("class Model", "partial class Model")]
    [InlineData("file partial class Model", "partial class Model")]
    [InlineData("readonly struct Model", "readonly partial struct Model")]
    [InlineData("record Model", "partial record Model")]
    public Task Type_becomes_partial(string written, string expected) =>
        RequireFixed(new MakePartialFix(), "SSG007", InType(written, Declaration(Parameters)), InType(expected, Declaration(Parameters)));

    [Theory]
    [InlineData("SSG002", "", "int", Parameters, Parameters)]
    [InlineData("SSG003", "", "void", "", Parameters)]
    [InlineData("SSG003", "", "void", "AttentionContext here, AttentionOutput result, int more", "AttentionContext here, in AttentionInputs inputs, AttentionOutput result, SkipThreshold threshold")]
    [InlineData("SSG003", "", "void", "AttentionOutput o, AttentionContext? c, in AttentionInputs i, SkipThreshold t", "AttentionContext c, in AttentionInputs i, AttentionOutput o, SkipThreshold t")]
    [InlineData("SSG004", "", "void", "AttentionContext c, AttentionInputs i, in AttentionOutput o, SkipThreshold t", "AttentionContext c, in AttentionInputs i, AttentionOutput o, SkipThreshold t")]
    [InlineData("SSG005", "", "void", "AttentionContext context, in AttentionInputs inputs, AttentionOutput output", Parameters)]
    [InlineData("SSG005", ", Threshold = ThresholdMode.Off", "void", Parameters, "AttentionContext context, in AttentionInputs inputs, AttentionOutput output")]
    public Task Signature_becomes_the_attributes(string id, string argument, string returned, string written, string expected) => RequireFixed(
        new CorrectSignatureFix(), id,
        InType("public static partial class Model", Declaration(written, argument, returned)),
        InType("public static partial class Model", Declaration(expected, argument)));

    [Fact]
    public async Task Nothing_is_offered_where_another_part_has_the_body()
    {
        string source = InType("static partial class Model", $"{Declaration(Parameters)}\n    public static partial void Prefill({Parameters}) {{ }}");
        Assert.Empty(await Offers(new MakePartialFix(), Project(source), "SSG001"));
    }

    private static string Declaration(string parameters, string argument = "", string returned = "void") =>
        $"/// <summary>Kept.</summary>\n    [SkipSoftmaxAttention(HeadDim = 64{argument})]\n    public static partial {returned} Prefill({parameters});";

    private static string InClass(string method) =>
        InType("public static partial class Model", $"/// <summary>Kept.</summary>\n    [SkipSoftmaxAttention(HeadDim = 64)]\n    {method.Replace("#", Parameters, StringComparison.Ordinal)} // kept");

    private static string InType(string type, string members) => $"using SkipSoftmax;\n\n/// <summary>Kept.</summary>\n{type}\n{{\n    {members}\n}}\n";

    /// <summary>One offer, which gives this text; the generator has nothing left to say about it.</summary>
    private static async Task RequireFixed(CodeFixProvider provider, string id, string source, string expected)
    {
        Document document = Project(source);
        CodeAction action = Assert.Single(await Offers(provider, document, id));
        ApplyChangesOperation change = Assert.IsType<ApplyChangesOperation>(Assert.Single(await action.GetOperationsAsync(CancellationToken.None)));
        Document changed = change.ChangedSolution.GetDocument(document.Id)!;
        Assert.Equal(expected, (await changed.GetTextAsync()).ToString());
        Assert.Empty(await Diagnose(changed));
    }

    private static async Task<List<CodeAction>> Offers(CodeFixProvider provider, Document document, string id)
    {
        ImmutableArray<Diagnostic> diagnostics = await Diagnose(document);
        Assert.All(diagnostics, diagnostic => Assert.Equal(id, diagnostic.Id));
        Assert.Contains(id, provider.FixableDiagnosticIds);
        List<CodeAction> offers = [];
        await provider.RegisterCodeFixesAsync(new(document, diagnostics[0].Location.SourceSpan, [diagnostics[0]], (action, _) => offers.Add(action), CancellationToken.None));
        return offers;
    }

    private static async Task<ImmutableArray<Diagnostic>> Diagnose(Document document) => UserProject.Build((CSharpCompilation)(await document.Project.GetCompilationAsync())!).Reported;

    private static Document Project(string source)
    {
        CSharpCompilation compilation = UserProject.Compile();
        ProjectId project = ProjectId.CreateNewId();
        DocumentId document = DocumentId.CreateNewId(project);
        return new AdhocWorkspace().CurrentSolution
            .AddProject(ProjectInfo.Create(project, VersionStamp.Default, "User", "User", LanguageNames.CSharp,
                compilationOptions: compilation.Options, parseOptions: UserProject.ParseOptions, metadataReferences: compilation.References))
            .AddDocument(document, "User0.cs", SourceText.From(source), filePath: "User0.cs")
            .GetDocument(document)!;
    }
}
