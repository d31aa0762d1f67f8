using System.Collections.Immutable;
using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using SkipSoftmax.Generator.Diagnostics;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator.Parsing;

/// <summary>The named arguments of one attribute: their values, checked one by one, and where they stand in the source.</summary>
internal sealed class AttributeArguments(AttributeData attribute, MistakeCollector mistakes)
{
    private static readonly ImmutableArray<int> HeadDims = [64, 96, 128, 192, 256];
    private static readonly ImmutableArray<int> BlockSizes = [64, 128];

    /// <summary>False once a value was found that can't be used.</summary>
    public bool AllValid { get; private set; } = true;

    /// <summary>The expression of a named argument; the attribute, if it has no such argument.</summary>
    public Location? LocationOf(string name)
    {
        SyntaxNode? node = attribute.ApplicationSyntaxReference?.GetSyntax();
        AttributeArgumentSyntax? argument = (node as AttributeSyntax)?.ArgumentList?.Arguments
            .FirstOrDefault(argument => argument.NameEquals?.Name.Identifier.ValueText == name);
        return (argument?.Expression ?? node)?.GetLocation();
    }

    /// <summary>Whether the declaration has the argument, whatever its value.</summary>
    public bool Has(string name) => attribute.NamedArguments.Any(argument => argument.Key == name);

    public bool ReadFlag(string name, bool absent) => Find(name) is { Value: bool value } ? value : absent;

    public int ReadHeadDim(string name)
    {
        TypedConstant? argument = Find(name);
        int value = argument is { Value: int given } ? given : 0;
        if (AllValid && !HeadDims.Contains(value))
        {
            Reject(SkipSoftmaxDiagnostics.UnsupportedHeadDim, name, argument is null ? "HeadDim is missing" : $"HeadDim = {Text(value)} is not supported");
        }
        return value;
    }

    public int ReadBlockSize(string name, int absent)
    {
        int value = Find(name) is { Value: int given } ? given : absent;
        if (!BlockSizes.Contains(value))
        {
            Reject(SkipSoftmaxDiagnostics.UnsupportedBlockSize, name, name, Text(value));
        }
        return value;
    }

    /// <summary>A number whose range is checked beside other values.</summary>
    public int ReadNumber(string name, int absent) => Find(name) is { Value: int given } ? given : absent;

    public T ReadEnum<T>(string name, T absent) where T : struct, Enum =>
        ReadEnum(name, absent, value => Enum.IsDefined(typeof(T), value));

    public GpuTargets ReadTargets(string name, GpuTargets absent) =>
        ReadEnum(name, absent, value => KernelFamilies.Split(value).Aggregate(value, (rest, target) => rest & ~target) == GpuTargets.None);

    private T ReadEnum<T>(string name, T absent, Func<T, bool> isKnown) where T : struct, Enum
    {
        if (Find(name) is not { Kind: TypedConstantKind.Enum, Value: int number })
        {
            return absent;
        }
        T value = (T)Enum.ToObject(typeof(T), number);
        if (!isKnown(value))
        {
            Reject(SkipSoftmaxDiagnostics.UnknownEnumValue, name,
                name, Text(number), typeof(T).Name, string.Join(", ", Enum.GetNames(typeof(T)).Select(known => $"{typeof(T).Name}.{known}")));
        }
        return value;
    }

    private TypedConstant? Find(string name)
    {
        foreach (KeyValuePair<string, TypedConstant> argument in attribute.NamedArguments)
        {
            if (argument.Key == name)
            {
                if (argument.Value.Kind == TypedConstantKind.Error)
                {
                    AllValid = false;
                    mistakes.LeaveToCompiler();
                }
                return argument.Value;
            }
        }
        return null;
    }

    private void Reject(DiagnosticDescriptor descriptor, string name, params object[] arguments)
    {
        AllValid = false;
        mistakes.Report(descriptor, LocationOf(name), arguments);
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
