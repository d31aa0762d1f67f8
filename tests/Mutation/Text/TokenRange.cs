namespace SkipSoftmax.Mutation;

/// <summary>Brackets that belong together, and what lies between them.</summary>
internal static class TokenRange
{
    private const string Open = "({[";
    private const string Close = ")}]";

    /// <summary>The bracket that closes this one.</summary>
    public static int Closing(Token[] tokens, int opening) => Partner(tokens, opening, step: 1);

    /// <summary>The bracket that this one closes.</summary>
    public static int Opening(Token[] tokens, int closing) => Partner(tokens, closing, step: -1);

    /// <summary>First and last token of each argument between these parentheses.</summary>
    public static IEnumerable<(int First, int Last)> Split(Token[] tokens, int opening, int closing)
    {
        int first = opening + 1;
        for (int at = first; at < closing; at++)
        {
            if (tokens[at].Is(","))
            {
                yield return (first, at - 1);
                first = at + 1;
            }
            else if (Depth(tokens[at]) > 0)
            {
                at = Closing(tokens, at);
            }
        }
        if (first < closing)
        {
            yield return (first, closing - 1);
        }
    }

    private static int Partner(Token[] tokens, int from, int step)
    {
        int depth = 0;
        for (int at = from; at >= 0 && at < tokens.Length; at += step)
        {
            depth += Depth(tokens[at]);
            if (depth == 0)
            {
                return at;
            }
        }
        throw new FormatException($"'{tokens[from].Value}' at offset {tokens[from].Start} has no partner.");
    }

    private static int Depth(Token token) => token.Kind != TokenKind.Punctuation || token.Value.Length != 1 ? 0
        : Open.Contains(token.Value[0], StringComparison.Ordinal) ? 1
        : Close.Contains(token.Value[0], StringComparison.Ordinal) ? -1
        : 0;
}
