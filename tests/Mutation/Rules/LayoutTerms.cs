namespace SkipSoftmax.Mutation;

/// <summary>An offset within an operand's layout loses one of its terms: of sums with a factor that counts the bytes of a row, a box, a panel or a stage.</summary>
internal sealed class LayoutTerms : IMutationRule
{
    public string Name => "offset's term";

    public IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file)
    {
        for (int at = 1; at + 1 < file.Tokens.Length; at++)
        {
            if (file.Tokens[at].Is("+") && file.Enclosing(at) is not null)
            {
                (int first, int last) = (Term(file.Tokens, at, step: -1), Term(file.Tokens, at, step: 1));
                if (IsBytes(file.Tokens[first..at]) || IsBytes(file.Tokens[(at + 1)..(last + 1)]))
                {
                    yield return new(at, $"without `+ {file.Read(at + 1, last)}`", file.Replace(at, last, ""));
                    if (first == 0 || !file.Tokens[first - 1].Is("+"))
                    {
                        yield return new(at, $"without `{file.Read(first, at - 1)} +`", file.Replace(first, at, ""));
                    }
                }
            }
        }
    }

    /// <summary>The far end of the term before or after a plus.</summary>
    private static int Term(Token[] tokens, int plus, int step)
    {
        int at = plus;
        while (tokens[at + step] is Token next && !IsEnd(next, step))
        {
            at += step;
            if (step > 0 ? next.Value is "(" or "[" : next.Value is ")" or "]")
            {
                at = step > 0 ? TokenRange.Closing(tokens, at) : TokenRange.Opening(tokens, at);
            }
        }
        return at;
    }

    private static bool IsEnd(Token token, int step) => token.IsWord("return") || (token.Kind == TokenKind.Punctuation
        && (token.Value is "+" or "-" or "," or ";" or "=" or "?" or ":" or "{" or "}" or "<" or ">" or "==" or "&&" or "||" || (step > 0 ? token.Value is ")" or "]" : token.Value is "(" or "[")));

    private static bool IsBytes(Token[] term) => term.Any(token => token.Kind == TokenKind.Word && token.Value.EndsWith("_BYTES", StringComparison.Ordinal));
}
