using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using SkipSoftmax.Generator.Diagnostics;
using SkipSoftmax.Generator.Emission;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Parsing;

/// <summary>Checks return type and parameters, and reads the parameters as they must be repeated.</summary>
internal static class SignatureReader
{
    private const string ThresholdType = "SkipThreshold";

    private static readonly ImmutableArray<(string Type, RefKind Passing)> Expected =
    [
        ("AttentionContext", RefKind.None),
        ("AttentionInputs", RefKind.In),
        ("AttentionOutput", RefKind.None),
        (ThresholdType, RefKind.None),
    ];

    /// <param name="threshold">Null if the attribute has no known mode: then either form is taken.</param>
    public static EquatableArray<MethodParameter> Read(
        IMethodSymbol method, MethodDeclarationSyntax syntax, ThresholdMode? threshold, MistakeReporter mistakes)
    {
        if (method.ReturnType.TypeKind == TypeKind.Error || method.Parameters.Any(parameter => parameter.Type.TypeKind == TypeKind.Error))
        {
            mistakes.LeaveToCompiler();
            return default;
        }
        if (!method.ReturnsVoid)
        {
            mistakes.Report(SkipSoftmaxDiagnostics.ReturnTypeNotVoid, syntax.ReturnType.GetLocation(),
                method.Name, method.ReturnType.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat));
        }
        CheckTypes(method, syntax, threshold, mistakes);
        CheckPassing(method, syntax, mistakes);
        return new([.. method.Parameters.Zip(syntax.ParameterList.Parameters, MakeParameter)]);
    }

    private static void CheckTypes(IMethodSymbol method, MethodDeclarationSyntax syntax, ThresholdMode? threshold, MistakeReporter mistakes)
    {
        ImmutableArray<IParameterSymbol> parameters = method.Parameters;
        int matching = 0;
        while (matching < parameters.Length && matching < Expected.Length && IsApiType(parameters[matching].Type, Expected[matching].Type))
        {
            matching++;
        }

        bool hasThreshold = parameters.Length == Expected.Length;
        if (matching != parameters.Length || parameters.Length < Expected.Length - 1)
        {
            Location location = matching < parameters.Length ? syntax.ParameterList.Parameters[matching].GetLocation() : syntax.ParameterList.GetLocation();
            int count = threshold == ThresholdMode.Off ? Expected.Length - 1 : Expected.Length;
            mistakes.Report(SkipSoftmaxDiagnostics.WrongParameters, location, method.Name,
                string.Join(", ", Expected.Take(count).Select(expected => expected.Passing == RefKind.In ? "in " + expected.Type : expected.Type)),
                string.Join(", ", parameters.Select(Describe)));
        }
        else if (threshold == ThresholdMode.Off && hasThreshold)
        {
            mistakes.Report(SkipSoftmaxDiagnostics.ThresholdParameterMismatch, syntax.ParameterList.Parameters[matching - 1].GetLocation(),
                method.Name, threshold, $"and takes a {ThresholdType}: remove the parameter, or choose another mode");
        }
        else if (threshold is not (null or ThresholdMode.Off) && !hasThreshold)
        {
            mistakes.Report(SkipSoftmaxDiagnostics.ThresholdParameterMismatch, syntax.ParameterList.GetLocation(),
                method.Name, threshold, $"but takes no {ThresholdType}: add it as the last parameter, or declare Threshold = ThresholdMode.Off");
        }
    }

    private static void CheckPassing(IMethodSymbol method, MethodDeclarationSyntax syntax, MistakeReporter mistakes)
    {
        for (int i = 0; i < Math.Min(method.Parameters.Length, Expected.Length); i++)
        {
            IParameterSymbol parameter = method.Parameters[i];
            if (IsApiType(parameter.Type, Expected[i].Type) && parameter.RefKind != Expected[i].Passing)
            {
                mistakes.Report(SkipSoftmaxDiagnostics.WrongParameterPassing, syntax.ParameterList.Parameters[i].GetLocation(),
                    parameter.Name, method.Name, Describe(Expected[i].Passing), Describe(parameter.RefKind));
            }
        }
    }

    private static MethodParameter MakeParameter(IParameterSymbol parameter, ParameterSyntax syntax) => new(
        string.Join(" ", syntax.Modifiers.Select(modifier => modifier.Text)),
        parameter.Type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat),
        Identifiers.Escape(parameter.Name));

    /// <summary>A nullable <c>AttentionContext?</c> is not one: the method has to have it.</summary>
    private static bool IsApiType(ITypeSymbol type, string name) =>
        type.Name == name
        && type is INamedTypeSymbol { Arity: 0, ContainingType: null, NullableAnnotation: not NullableAnnotation.Annotated }
        && type.ContainingNamespace is { Name: "SkipSoftmax", ContainingNamespace.IsGlobalNamespace: true };

    private static string Describe(IParameterSymbol parameter)
    {
        string type = parameter.Type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat);
        return parameter.RefKind switch
        {
            RefKind.None => type,
            RefKind.RefReadOnlyParameter => "ref readonly " + type,
            RefKind kind => kind.ToString().ToLowerInvariant() + " " + type,
        };
    }

    private static string Describe(RefKind kind) => kind switch
    {
        RefKind.None => "by value",
        RefKind.RefReadOnlyParameter => "by 'ref readonly'",
        _ => $"by '{kind.ToString().ToLowerInvariant()}'",
    };
}
