using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using SkipSoftmax.Generator.Diagnostics;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Parsing;

/// <summary>Reads a declaration from the user's source. The generator and the analyzer share it, so that what gives no code gives a diagnostic.</summary>
internal static class AttentionDeclarationParser
{
    public const string AttributeName = "SkipSoftmax.SkipSoftmaxAttentionAttribute";

    /// <summary>Of the emitted code: static abstract members, required members and raw UTF-8 literals.</summary>
    private const LanguageVersion OldestLanguageVersion = LanguageVersion.CSharp11;

    /// <summary>For the generator: null for a declaration with a mistake.</summary>
    public static AttentionDeclaration? Parse(GeneratorAttributeSyntaxContext target) =>
        Parse((IMethodSymbol)target.TargetSymbol, (MethodDeclarationSyntax)target.TargetNode, target.Attributes[0], new MistakeReporter(report: null));

    /// <summary>The declaration, or null after every mistake in it has been reported.</summary>
    public static AttentionDeclaration? Parse(IMethodSymbol method, MethodDeclarationSyntax syntax, AttributeData attribute, MistakeReporter mistakes)
    {
        Location name = syntax.Identifier.GetLocation();
        if (syntax.Identifier.IsMissing || method.MethodKind != MethodKind.Ordinary || attribute.AttributeConstructor is null)
        {
            mistakes.LeaveToCompiler();
            return null;
        }
        if (FindReasonNotImplementable(method, syntax) is string reason)
        {
            mistakes.Report(SkipSoftmaxDiagnostics.MethodNotPartial, name, method.Name, reason);
            return null;
        }

        CheckLanguageVersion(method, syntax, mistakes);
        CheckGenerics(method, syntax, mistakes);
        CheckNames(method, syntax, mistakes);
        EquatableArray<ContainingType> types = ContainingTypesReader.Read(method, syntax, mistakes);
        AttentionRequest request = AttributeReader.Read(method, attribute, mistakes);
        EquatableArray<MethodParameter> parameters = SignatureReader.Read(method, syntax, KnownMode(request), mistakes);
        string[] namespaces = [.. NamespacesOf(method.ContainingType)];
        if (mistakes.Any || !namespaces.All(SyntaxFacts.IsValidIdentifier))
        {
            return null;
        }

        ImmutableArray<SyntaxToken> modifiers = [.. syntax.Modifiers.Where(modifier => !modifier.IsKind(SyntaxKind.PartialKeyword))];
        return new()
        {
            Namespace = string.Join(".", namespaces.Select(Emission.Identifiers.Escape)),
            ContainingTypes = types,
            Modifiers = string.Join(" ", modifiers.Select(modifier => modifier.Text)),
            Accessibility = string.Join(" ", modifiers.Where(modifier => SyntaxFacts.IsAccessibilityModifier(modifier.Kind())).Select(modifier => modifier.Text)),
            MethodName = method.Name,
            Parameters = parameters,
            Request = request,
        };
    }

    private static ThresholdMode? KnownMode(AttentionRequest request) =>
        Enum.IsDefined(typeof(ThresholdMode), request.Threshold) ? request.Threshold : null;

    private static string? FindReasonNotImplementable(IMethodSymbol method, MethodDeclarationSyntax syntax)
    {
        if (syntax.Body is not null || syntax.ExpressionBody is not null)
        {
            return "remove its body and end the declaration with ';'";
        }
        if (!syntax.Modifiers.Any(SyntaxKind.PartialKeyword))
        {
            return "declare it 'partial'";
        }
        if (!method.IsPartialDefinition)
        {
            return "remove 'extern'";
        }
        return method.PartialImplementationPart is IMethodSymbol body && !EmittedCode.IsOurs(body) ? "remove the other part, which has a body" : null;
    }

    private static void CheckLanguageVersion(IMethodSymbol method, MethodDeclarationSyntax syntax, MistakeReporter mistakes)
    {
        if (syntax.SyntaxTree.Options is CSharpParseOptions { LanguageVersion: var version } && version < OldestLanguageVersion)
        {
            mistakes.Report(SkipSoftmaxDiagnostics.LanguageVersionTooOld, syntax.Identifier.GetLocation(),
                method.Name, OldestLanguageVersion.ToDisplayString(), version.ToDisplayString());
        }
    }

    private static void CheckGenerics(IMethodSymbol method, MethodDeclarationSyntax syntax, MistakeReporter mistakes)
    {
        if (method.Arity > 0)
        {
            mistakes.Report(SkipSoftmaxDiagnostics.GenericDeclaration, syntax.TypeParameterList?.GetLocation(), method.Name, method.Name);
        }
        for (INamedTypeSymbol? type = method.ContainingType; type is not null; type = type.ContainingType)
        {
            if (type.Arity > 0)
            {
                mistakes.Report(SkipSoftmaxDiagnostics.GenericDeclaration, syntax.Identifier.GetLocation(), type.Name, method.Name);
                return;
            }
        }
    }

    private static void CheckNames(IMethodSymbol method, MethodDeclarationSyntax syntax, MistakeReporter mistakes)
    {
        INamedTypeSymbol type = method.ContainingType;
        if (!SymbolEqualityComparer.Default.Equals(FirstDeclarationOf(method.Name, type), method))
        {
            mistakes.Report(SkipSoftmaxDiagnostics.DuplicateDeclaration, syntax.Identifier.GetLocation(), type.Name, method.Name);
            return;
        }

        string descriptor = AttentionDeclaration.DescriptorNameOf(method.Name);
        string? clash = type.Name == descriptor ? "that is the name of the type around it"
            : type.GetMembers(descriptor).Any(member => !EmittedCode.IsOurs(member)) ? $"'{type.Name}' already has a member of that name"
            : null;
        if (clash is not null)
        {
            mistakes.Report(SkipSoftmaxDiagnostics.DescriptorNameTaken, syntax.Identifier.GetLocation(), method.Name, descriptor, clash);
        }
    }

    /// <summary>The first attention method of a name, by file and position.</summary>
    private static ISymbol? FirstDeclarationOf(string name, INamedTypeSymbol type) => type.GetMembers(name)
        .Where(member => member.GetAttributes().Any(attribute => attribute.AttributeClass?.ToDisplayString() == AttributeName))
        .OrderBy(member => member.Locations.FirstOrDefault()?.SourceTree?.FilePath, StringComparer.Ordinal)
        .ThenBy(member => member.Locations.FirstOrDefault()?.SourceSpan.Start)
        .FirstOrDefault();

    private static Stack<string> NamespacesOf(INamedTypeSymbol type)
    {
        Stack<string> names = new();
        for (INamespaceSymbol? space = type.ContainingNamespace; space is { IsGlobalNamespace: false }; space = space.ContainingNamespace)
        {
            names.Push(space.Name);
        }
        return names;
    }
}
