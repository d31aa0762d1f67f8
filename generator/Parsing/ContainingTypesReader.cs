using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using SkipSoftmax.Generator.Diagnostics;
using SkipSoftmax.Generator.Emission;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Parsing;

/// <summary>Reads the types around a declaration: the generator adds a part to each of them.</summary>
internal static class ContainingTypesReader
{
    public static EquatableArray<ContainingType> Read(IMethodSymbol method, MethodDeclarationSyntax syntax, MistakeReporter mistakes)
    {
        Stack<ContainingType> types = new();
        INamedTypeSymbol? symbol = method.ContainingType;
        foreach (TypeDeclarationSyntax type in syntax.Ancestors().OfType<TypeDeclarationSyntax>())
        {
            if (symbol is null || !SyntaxFacts.IsValidIdentifier(symbol.Name))
            {
                mistakes.LeaveToCompiler();
                break;
            }
            if (FindReasonNotExtendable(symbol, type, declaresMethod: types.Count == 0) is string reason)
            {
                mistakes.Report(SkipSoftmaxDiagnostics.ContainingTypeNotPartial, type.Identifier.GetLocation(), symbol.Name, method.Name, reason);
            }
            types.Push(new(KeywordOf(symbol), Identifiers.EscapeType(symbol.Name)));
            symbol = symbol.ContainingType;
        }
        if (types.Count == 0)
        {
            mistakes.LeaveToCompiler();
        }
        return new([.. types]);
    }

    private static string? FindReasonNotExtendable(INamedTypeSymbol symbol, TypeDeclarationSyntax type, bool declaresMethod)
    {
        if (symbol.TypeKind is not (TypeKind.Class or TypeKind.Struct) && (declaresMethod || symbol.TypeKind != TypeKind.Interface))
        {
            return "declare the method in a class or a struct";
        }
        if (symbol.IsFileLocal)
        {
            return "generated code is in another file, so remove 'file'";
        }
        return type.Modifiers.Any(SyntaxKind.PartialKeyword) ? null : "declare it 'partial'";
    }

    private static string KeywordOf(INamedTypeSymbol symbol) => symbol switch
    {
        { TypeKind: TypeKind.Interface } => "interface",
        { TypeKind: TypeKind.Struct, IsRecord: true } => "record struct",
        { TypeKind: TypeKind.Struct } => "struct",
        { IsRecord: true } => "record",
        _ => "class",
    };
}
