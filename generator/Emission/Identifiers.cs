using Microsoft.CodeAnalysis.CSharp;

namespace SkipSoftmax.Generator.Emission;

/// <summary>C# identifiers.</summary>
internal static class Identifiers
{
    /// <summary>Prefixes <c>@</c> where the name is a keyword, also one that is a keyword in some contexts only.</summary>
    public static string Escape(string name) =>
        SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None || SyntaxFacts.GetContextualKeywordKind(name) != SyntaxKind.None ? "@" + name : name;

    /// <summary>Prefixes <c>@</c> also to a name in lower case only: the compiler warns of a type named so (CS8981).</summary>
    public static string EscapeType(string name) => name.All(character => character is >= 'a' and <= 'z') ? "@" + name : Escape(name);
}
