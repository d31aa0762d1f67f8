using System.Text.RegularExpressions;

namespace SkipSoftmax.Mutation;

/// <summary>Splits the C++ of the templates into tokens.</summary>
internal static partial class Tokenizer
{
    /// <exception cref="FormatException">A character begins no token.</exception>
    public static Token[] Split(string text)
    {
        List<Token> tokens = [];
        for (int at = 0; at < text.Length;)
        {
            Match match = Piece().Match(text, at);
            if (!match.Success)
            {
                throw new FormatException($"'{text[at]}' at offset {at} begins no token of C++ that the mutation run knows: extend {nameof(Tokenizer)}.");
            }
            Group group = match.Groups.Values.Skip(1).First(group => group.Success);
            if (Enum.TryParse(group.Name, out TokenKind kind))
            {
                tokens.Add(new(kind, at, match.Value));
            }
            at += match.Length;
        }
        return [.. tokens];
    }

    [GeneratedRegex("""
        \G(?:(?<Space>\s+|//[^\n]*|/\*[\s\S]*?\*/)
        |(?<Directive>\#[^\n]*)
        |(?<Text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
        |(?<Word>[A-Za-z_]\w*)
        |(?<Number>\.?\d(?:[\w.]|[eEpP][+-])*)
        |(?<Punctuation><<=|>>=|\.\.\.|::|->|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|[-+*/%&|^~!=<>?:;,.(){}\[\]]))
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.ExplicitCapture)]
    private static partial Regex Piece();
}
