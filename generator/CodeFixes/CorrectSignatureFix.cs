using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Simplification;

namespace SkipSoftmax.Generator.CodeFixes;

/// <summary>SSG002 to SSG005: gives a method the return type and the parameters that its attribute asks for, and keeps the names of those it has.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(CorrectSignatureFix)), Shared]
public sealed class CorrectSignatureFix : CodeFixProvider
{
    private const string Title = "Correct the signature";

    private static readonly ImmutableArray<(string Type, string Name)> Expected =
        [("AttentionContext", "context"), ("AttentionInputs", "inputs"), ("AttentionOutput", "output"), ("SkipThreshold", "threshold")];

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = ["SSG002", "SSG003", "SSG004", "SSG005"];

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        if (await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false) is not { } root
            || await context.Document.GetSemanticModelAsync(context.CancellationToken).ConfigureAwait(false) is not { } model
            || root.FindToken(context.Span.Start).Parent?.FirstAncestorOrSelf<MethodDeclarationSyntax>() is not { } method)
        {
            return;
        }
        MethodDeclarationSyntax made = method
            .WithReturnType(SyntaxFactory.PredefinedType(SyntaxFactory.Token(SyntaxKind.VoidKeyword)).WithTriviaFrom(method.ReturnType))
            .WithParameterList(method.ParameterList.WithParameters(Parameters(method, model)));
        context.RegisterCodeFix(
            CodeAction.Create(Title, _ => Task.FromResult(context.Document.WithSyntaxRoot(root.ReplaceNode(method, made))), equivalenceKey: Title),
            context.Diagnostics);
    }

    private static SeparatedSyntaxList<ParameterSyntax> Parameters(MethodDeclarationSyntax method, SemanticModel model)
    {
        ParameterSyntax[] written = [.. method.ParameterList.Parameters];
        bool off = IsOff(method, model);
        ParameterSyntax[] made = [.. Expected.Take(off ? Expected.Length - 1 : Expected.Length).Select(expected =>
        {
            ParameterSyntax? kept = Array.Find(written, parameter => parameter.Type is { } type && model.GetTypeInfo(type).Type?.Name == expected.Type);
            string passing = expected.Type == "AttentionInputs" ? "in " : "";
            string receiver = kept?.Modifiers.Any(SyntaxKind.ThisKeyword) == true ? "this " : "";
            return SyntaxFactory.Parameter(kept?.Identifier.WithoutTrivia() ?? SyntaxFactory.Identifier(expected.Name))
                .WithModifiers(SyntaxFactory.TokenList(SyntaxFactory.ParseTokens(receiver + passing).TakeWhile(token => !token.IsKind(SyntaxKind.EndOfFileToken))))
                .WithType(SyntaxFactory.ParseTypeName($"global::SkipSoftmax.{expected.Type}").WithAdditionalAnnotations(Simplifier.Annotation).WithTrailingTrivia(SyntaxFactory.Space));
        })];
        return SyntaxFactory.SeparatedList(made, Enumerable.Repeat(SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space), made.Length - 1));
    }

    /// <summary>Whether the attribute declares <c>Threshold = ThresholdMode.Off</c>.</summary>
    private static bool IsOff(MethodDeclarationSyntax method, SemanticModel model) => method.AttributeLists
        .SelectMany(list => list.Attributes)
        .Where(attribute => model.GetTypeInfo(attribute).Type?.Name == "SkipSoftmaxAttentionAttribute")
        .SelectMany(attribute => attribute.ArgumentList?.Arguments ?? default)
        .Any(argument => argument.NameEquals?.Name.Identifier.ValueText == "Threshold" && model.GetSymbolInfo(argument.Expression).Symbol?.Name == "Off");
}
