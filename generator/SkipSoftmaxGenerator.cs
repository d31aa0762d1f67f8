using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;
using SkipSoftmax.Generator.Diagnostics;
using SkipSoftmax.Generator.Emission;
using SkipSoftmax.Generator.Model;
using SkipSoftmax.Generator.Parsing;
using SkipSoftmax.Generator.Specialization;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator;

/// <summary>
/// Implements the partial methods marked with <see cref="SkipSoftmaxAttentionAttribute"/>. Wiring only: parse → select variants →
/// specialize → emit. Mistakes in a declaration are reported by <see cref="SkipSoftmaxAnalyzer"/>, which shares the parser; here such a
/// declaration gives nothing.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class SkipSoftmaxGenerator : IIncrementalGenerator
{
    /// <summary>Names of the tracked steps.</summary>
    internal const string DeclarationsStep = "Declarations", SourcesStep = "Sources";

    private readonly TemplateLibrary _templates;

    /// <summary>Made by the compiler.</summary>
    public SkipSoftmaxGenerator() : this(TemplateLibrary.Embedded)
    {
    }

    internal SkipSoftmaxGenerator(TemplateLibrary templates) => _templates = templates;

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<AttentionDeclaration> declarations = context.SyntaxProvider
            .ForAttributeWithMetadataName(
                AttentionDeclarationParser.AttributeName,
                predicate: static (node, _) => node is MethodDeclarationSyntax,
                transform: static (target, _) => AttentionDeclarationParser.Parse(target))
            .Where(static declaration => declaration is not null)
            .Select(static (declaration, _) => declaration!)
            .WithTrackingName(DeclarationsStep);

        IncrementalValuesProvider<GeneratedSource> sources = declarations
            .Select((declaration, _) => Generate(declaration, _templates))
            .WithTrackingName(SourcesStep);

        context.RegisterSourceOutput(sources, static (output, source) =>
        {
            if (source.Error is string error)
            {
                output.ReportDiagnostic(Diagnostic.Create(SkipSoftmaxDiagnostics.InternalError, Location.None, source.Declaration, error));
            }
            else
            {
                output.AddSource(source.HintName, SourceText.From(source.Text, Encoding.UTF8));
            }
        });
    }

    private static GeneratedSource Generate(AttentionDeclaration declaration, TemplateLibrary templates)
    {
        string hintName = DescriptorEmitter.HintName(declaration);
        try
        {
            SpecializedKernel[] kernels =
                [.. KernelFamilies.SelectAll(declaration.Request).Select(variant => new SpecializedKernel(variant, templates.Specialize(variant)))];
            return new(declaration.FullName, hintName, DescriptorEmitter.Emit(declaration, kernels), Error: null);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new(declaration.FullName, hintName, Text: "", exception.Message);
        }
    }

    private sealed record GeneratedSource(string Declaration, string HintName, string Text, string? Error);
}
