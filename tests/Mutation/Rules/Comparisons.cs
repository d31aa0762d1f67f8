namespace SkipSoftmax.Mutation;

/// <summary>
/// In the functions that decide on skipping: a comparison is turned, made strict or loose, or always or never true, and "and" and "or" are exchanged.
/// Comparisons of a variant's constants are not decisions.
/// </summary>
/// <param name="deciding">Those functions.</param>
internal sealed class Comparisons(IReadOnlySet<string> deciding) : IMutationRule
{
    private static readonly Dictionary<string, string[]> others = new()
    {
        ["<"] = ["<=", ">"],
        ["<="] = ["<", ">"],
        [">"] = [">=", "<"],
        [">="] = [">", "<"],
        ["=="] = ["!="],
        ["!="] = ["=="],
        ["&&"] = ["||"],
        ["||"] = ["&&"],
    };

    /// <summary>Between operands of a comparison and what it is part of.</summary>
    private static readonly string[] boundaries = ["&&", "||", "?", ":", ",", ";", "=", "{", "}", "return"];

    public string Name => "decision";

    public IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file)
    {
        foreach (Function function in file.Functions.Where(function => deciding.Contains(function.QualifiedName)))
        {
            foreach (Statement statement in function.Body.Tree.Where(statement => statement.Kind != StatementKind.Loop && !IsConstant(file, statement)))
            {
                for (int at = statement.Head + 1; at < statement.HeadEnd; at++)
                {
                    if (others.TryGetValue(file.Tokens[at].Value, out string[]? replacements) && file.Tokens[at].Kind == TokenKind.Punctuation && !IsTemplate(file, at))
                    {
                        foreach (Mutation mutation in Change(file, statement, at, replacements))
                        {
                            yield return mutation;
                        }
                    }
                }
            }
        }
    }

    private static IEnumerable<Mutation> Change(TemplateFile file, Statement statement, int at, string[] replacements)
    {
        (int first, int last) = Operands(file, statement, at);
        if (Enumerable.Range(first, last - first + 1).All(part => IsConstant(file.Tokens[part])))
        {
            yield break;
        }
        string whole = file.Read(first, last);
        foreach (string replacement in replacements)
        {
            string changed = file.Read(first, at - 1) + $" {replacement} " + file.Read(at + 1, last);
            yield return new(at, $"{whole} → {changed}", file.Replace(at, at, replacement));
        }
        foreach (string constant in file.Tokens[at].Value is "&&" or "||" ? [] : new[] { "true", "false" })
        {
            yield return new(at, $"{whole} → {constant}", file.Replace(first, last, constant));
        }
    }

    /// <summary>The comparison's first and last token.</summary>
    private static (int First, int Last) Operands(TemplateFile file, Statement statement, int at)
    {
        int first = at, last = at;
        while (first > statement.Head && !IsBoundary(file.Tokens[first - 1], "([!"))
        {
            first = ")]".Contains(file.Tokens[first - 1].Value, StringComparison.Ordinal) && file.Tokens[first - 1].Kind == TokenKind.Punctuation
                ? TokenRange.Opening(file.Tokens, first - 1) : first - 1;
        }
        while (last < statement.HeadEnd && !IsBoundary(file.Tokens[last + 1], ")]"))
        {
            last = "([".Contains(file.Tokens[last + 1].Value, StringComparison.Ordinal) && file.Tokens[last + 1].Kind == TokenKind.Punctuation
                ? TokenRange.Closing(file.Tokens, last + 1) : last + 1;
        }
        return (first, last);
    }

    private static bool IsBoundary(Token token, string brackets) =>
        boundaries.Contains(token.Value) || (token.Kind == TokenKind.Punctuation && token.Value.Length == 1 && brackets.Contains(token.Value, StringComparison.Ordinal));

    /// <summary><c>if constexpr</c>.</summary>
    private static bool IsConstant(TemplateFile file, Statement statement) => file.Tokens[statement.Head + 1].IsWord("constexpr");

    /// <summary>Names of constants are in capitals.</summary>
    private static bool IsConstant(Token token) => token.Kind != TokenKind.Word || !token.Value.Any(char.IsLower);

    /// <summary>The brackets of template arguments, which stand without a space.</summary>
    private static bool IsTemplate(TemplateFile file, int at) =>
        file.Tokens[at].Value is "<" or ">" && file.Tokens[at - 1].End == file.Tokens[at].Start;
}
