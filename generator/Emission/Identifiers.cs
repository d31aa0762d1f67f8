using Microsoft.CodeAnalysis.CSharp;

namespace SkipSoftmax.Generator.Emission;

/// <summary>C# identifiers.</summary>
internal static class Identifiers
{
    /// <summary>Prefixes <c>@</c> where the name is a keyword, also one that is a keyword in some contexts only.</summary>
    public static string Escape(string name) =>
        SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None || SyntaxFacts.GetContextualKeywordKind(name) != SyntaxKind.None ? "@" + name : name;
}
