using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator.Emission;

/// <summary>C# expressions for values.</summary>
internal static class Literals
{
    private static readonly Regex Quotes = new("\"+", RegexOptions.CultureInvariant);

    public static string Of(string value) => SymbolDisplay.FormatLiteral(value, quote: true);

    public static string Of(int value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Of(bool value) => value ? "true" : "false";

    public static string Of<T>(T value) where T : struct, Enum => $"global::SkipSoftmax.{typeof(T).Name}.{value}";

    public static string OfFlags(GpuTargets targets) =>
        targets == GpuTargets.None ? Of(targets) : string.Join(" | ", KernelFamilies.Split(targets).Select(target => Of(target)));

    /// <summary>A raw UTF-8 literal whose value is <paramref name="text"/>; its lines stand at the left margin.</summary>
    public static string OfUtf8(string text)
    {
        int longest = Quotes.Matches(text).Cast<Match>().Select(match => match.Length).DefaultIfEmpty(0).Max();
        string quotes = new('"', Math.Max(3, longest + 1));
        return $"{quotes}\n{text}\n{quotes}u8";
    }
}
