namespace SkipSoftmax.Mutation;

/// <summary>
/// A statement that only synchronizes is moved past the next statement, or before the previous one. Statements on nothing but a thread's own
/// numbers have no order against it, so the next one that has is taken, and those between are passed as well.
/// </summary>
internal sealed class SynchronizationMove : IMutationRule
{
    private static readonly string[] control = ["return", "break", "continue"];

    /// <summary>Calls that only the compiler sees.</summary>
    private static readonly string[] nothing = ["wgmma_hold"];

    public string Name => "sync moved";

    public IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file)
    {
        Synchronization synchronization = new(templates);
        foreach (Statement block in file.Functions.SelectMany(function => function.Body.Tree).Where(statement => statement.Kind == StatementKind.Block))
        {
            for (int at = 0; at < block.Children.Count; at++)
            {
                Statement statement = block.Children[at];
                if (!synchronization.IsPlain(file, statement))
                {
                    continue;
                }
                string text = file.Text[file.Tokens[statement.First].Start..file.Tokens[statement.Last].End];
                TextEdit removal = file.Replace(statement.First, statement.Last, "");
                if (block.Children.Skip(at + 1).FirstOrDefault(other => Matters(file, other)) is Statement next)
                {
                    int end = file.Tokens[next.Last].End;
                    yield return new(statement.Head, $"moved past `{HeadOf(file, next)}`", removal, new(end, end, $"\n{text}\n"));
                }
                if (block.Children.Take(at).LastOrDefault(other => Matters(file, other)) is Statement previous)
                {
                    int start = file.Tokens[previous.First].Start;
                    yield return new(statement.Head, $"moved before `{HeadOf(file, previous)}`", removal, new(start, start, $"{text}\n"));
                }
            }
        }
    }

    /// <summary>Touches memory, calls something, or ends the way to what follows.</summary>
    private static bool Matters(TemplateFile file, Statement statement) =>
        file.Calls.Any(call => statement.First <= call.NameToken && call.NameToken <= statement.Last && !nothing.Contains(call.Name))
        || Enumerable.Range(statement.Head, statement.Last - statement.Head + 1).Any(at => control.Contains(file.Tokens[at].Value) || IsAccess(file, statement, at));

    private static bool IsAccess(TemplateFile file, Statement statement, int at) =>
        file.Tokens[at].IsWord("shared") || file.Tokens[at].IsWord("arguments")
        || (file.Tokens[at].Is("[") && at > statement.Head && file.Tokens[at - 1].Kind == TokenKind.Word && statement.Kind != StatementKind.Simple)
        || (file.Tokens[at].Is("[") && IsAssignment(file, statement));

    private static bool IsAssignment(TemplateFile file, Statement statement) =>
        Enumerable.Range(statement.Head, statement.Last - statement.Head + 1).Any(at => file.Tokens[at].Value is "=" or "+=" or "*=" or "|=" or "&=");

    private static string HeadOf(TemplateFile file, Statement statement) =>
        statement.Kind == StatementKind.Block ? "{" : file.Read(statement.Head, statement.HeadEnd);
}
