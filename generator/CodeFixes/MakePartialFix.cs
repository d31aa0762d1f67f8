using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Editing;

namespace SkipSoftmax.Generator.CodeFixes;

/// <summary>SSG001 and SSG007: makes a method a partial one without a body, or a type around it partial.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(MakePartialFix)), Shared]
public sealed class MakePartialFix : CodeFixProvider
{
    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = ["SSG001", "SSG007"];

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        if (await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false) is not { } root
            || root.FindToken(context.Span.Start).Parent is not MemberDeclarationSyntax member
            || Fix(member, SyntaxGenerator.GetGenerator(context.Document)) is not { } made)
        {
            return;
        }
        string title = member is MethodDeclarationSyntax ? "Make the method partial, without a body" : "Make the type partial";
        context.RegisterCodeFix(
            CodeAction.Create(title, _ => Task.FromResult(context.Document.WithSyntaxRoot(root.ReplaceNode(member, made))), equivalenceKey: title),
            context.Diagnostics);
    }

    /// <summary>Null where there is nothing to make partial: another part has the body, or no part can be added to such a type.</summary>
    private static SyntaxNode? Fix(MemberDeclarationSyntax member, SyntaxGenerator generator)
    {
        DeclarationModifiers modifiers = generator.GetModifiers(member);
        DeclarationModifiers wanted = modifiers.WithPartial(true).WithIsExtern(false).WithIsFile(false);
        return member switch
        {
            MethodDeclarationSyntax { Body: null, ExpressionBody: null } when modifiers == wanted => null,
            MethodDeclarationSyntax method => generator.WithModifiers(WithoutBody(method), wanted),
            TypeDeclarationSyntax when modifiers != wanted => generator.WithModifiers(member, wanted),
            _ => null,
        };
    }

    private static MethodDeclarationSyntax WithoutBody(MethodDeclarationSyntax method) => method
        .WithBody(null)
        .WithExpressionBody(null)
        .WithParameterList(method.ParameterList.WithoutTrailingTrivia())
        .WithSemicolonToken(SyntaxFactory.Token(SyntaxKind.SemicolonToken).WithTrailingTrivia(method.GetTrailingTrivia()));
}
