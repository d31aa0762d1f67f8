using Microsoft.CodeAnalysis;
using SkipSoftmax.Generator.Emission;

namespace SkipSoftmax.Generator.Parsing;

/// <summary>Tells our own output from the user's code: the analyzer sees the compilation after the generator has run, the generator before.</summary>
internal static class EmittedCode
{
    public static bool IsOurs(ISymbol symbol) => symbol.GetAttributes().Any(attribute =>
        attribute.AttributeClass is { Name: "GeneratedCodeAttribute" }
        && attribute.ConstructorArguments.FirstOrDefault() is { Kind: TypedConstantKind.Primitive, Value: DescriptorEmitter.ToolName });
}
