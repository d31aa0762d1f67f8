using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using SkipSoftmax.Generator.Diagnostics;
using SkipSoftmax.Generator.Parsing;

namespace SkipSoftmax.Generator;

/// <summary>Reports the mistakes in declarations, each once: it visits every <see cref="SkipSoftmaxAttentionAttribute"/> in the source.
/// The generator shares the parser, stays silent, and emits nothing where this reports.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class SkipSoftmaxAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
    [
        SkipSoftmaxDiagnostics.MethodNotPartial,
        SkipSoftmaxDiagnostics.ReturnTypeNotVoid,
        SkipSoftmaxDiagnostics.WrongParameters,
        SkipSoftmaxDiagnostics.WrongParameterPassing,
        SkipSoftmaxDiagnostics.ThresholdParameterMismatch,
        SkipSoftmaxDiagnostics.GenericDeclaration,
        SkipSoftmaxDiagnostics.ContainingTypeNotPartial,
        SkipSoftmaxDiagnostics.UnsupportedHeadDim,
        SkipSoftmaxDiagnostics.UnsupportedBlockSize,
        SkipSoftmaxDiagnostics.UnknownEnumValue,
        SkipSoftmaxDiagnostics.ElementNotOnGpu,
        SkipSoftmaxDiagnostics.DuplicateDeclaration,
        SkipSoftmaxDiagnostics.DescriptorNameTaken,
        SkipSoftmaxDiagnostics.TargetWithoutKernel,
        SkipSoftmaxDiagnostics.HeadDimNotOnTarget,
        SkipSoftmaxDiagnostics.OverBudget,
        SkipSoftmaxDiagnostics.LanguageVersionTooOld,
    ];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        // A file that is generated but compiled as the user's source can hold declarations too.
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics);
        context.EnableConcurrentExecution();
        context.RegisterSyntaxNodeAction(Analyze, SyntaxKind.Attribute);
    }

    private static void Analyze(SyntaxNodeAnalysisContext context)
    {
        AttributeSyntax attribute = (AttributeSyntax)context.Node;
        if (context.SemanticModel.GetTypeInfo(attribute, context.CancellationToken).Type?.ToDisplayString() != AttentionDeclarationParser.AttributeName
            || attribute.Parent is not AttributeListSyntax { Parent: SyntaxNode declaration })
        {
            return;
        }

        MistakeReporter mistakes = new(context.ReportDiagnostic);
        if (declaration is MethodDeclarationSyntax syntax)
        {
            // Not found: the attribute is on the return value, or a second one, and the compiler says so.
            if (context.SemanticModel.GetDeclaredSymbol(syntax, context.CancellationToken) is IMethodSymbol method
                && method.GetAttributes().FirstOrDefault(data => data.AttributeClass?.ToDisplayString() == AttentionDeclarationParser.AttributeName) is AttributeData data
                && data.ApplicationSyntaxReference is SyntaxReference reference
                && reference.SyntaxTree == attribute.SyntaxTree && reference.Span == attribute.Span)
            {
                _ = AttentionDeclarationParser.Parse(method, syntax, data, mistakes);
            }
        }
        else if (declaration is LocalFunctionStatementSyntax or AccessorDeclarationSyntax or LambdaExpressionSyntax or BaseMethodDeclarationSyntax)
        {
            mistakes.Report(SkipSoftmaxDiagnostics.MethodNotPartial, attribute.GetLocation(),
                "This function", "put the attribute on a partial method");
        }
    }
}
