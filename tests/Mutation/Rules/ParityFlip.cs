namespace SkipSoftmax.Mutation;

/// <summary>The parity that a wait or a test names is the other one; or what tells the next phase from this one stays as it is.</summary>
internal sealed class ParityFlip : IMutationRule
{
    public string Name => "phase flipped";

    public IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file)
    {
        foreach (Call call in file.Calls)
        {
            IReadOnlyList<Parameter> parameters = templates.ParametersOf(call);
            for (int i = 0; i < Math.Min(parameters.Count, call.Arguments.Count); i++)
            {
                if (IsPhase(parameters[i].Name) && !parameters[i].IsReference)
                {
                    yield return Flip(file, call.Arguments[i].First, call.Arguments[i].Last);
                }
            }
        }
        foreach (Function function in file.Functions)
        {
            foreach (Statement statement in function.Body.Tree.Where(statement => statement.Kind == StatementKind.Simple))
            {
                if (IsPhase(function.Name) && file.Tokens[statement.Head].IsWord("return"))
                {
                    yield return Flip(file, statement.Head + 1, statement.HeadEnd - 1);
                }
                else if (IsStep(file, statement))
                {
                    yield return new(statement.Head, "removed", file.Replace(statement.Head, statement.HeadEnd, ";"));
                }
            }
        }
    }

    private static Mutation Flip(TemplateFile file, int first, int last)
    {
        string text = file.Read(first, last);
        return new(first, $"{text} → ({text}) ^ 1", file.Replace(first, last, $"(({text}) ^ 1)"));
    }

    private static bool IsPhase(string name) =>
        name.Contains("parity", StringComparison.Ordinal) || name.Contains("parities", StringComparison.Ordinal) || name.Contains("phase", StringComparison.Ordinal);

    /// <summary>A statement that makes the next phase the current one: <c>parity ^= …</c> or <c>++phase</c>.</summary>
    private static bool IsStep(TemplateFile file, Statement statement) =>
        Enumerable.Range(statement.Head, statement.HeadEnd - statement.Head).Any(at =>
            (file.Tokens[at].Kind == TokenKind.Word && IsPhase(file.Tokens[at].Value) && file.Tokens[at + 1].Is("^="))
            || (file.Tokens[at].Is("++") && IsPhase(file.Tokens[at + 1].Value)));
}
