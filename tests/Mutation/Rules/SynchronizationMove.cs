namespace SkipSoftmax.Mutation;

/// <summary>
/// A statement that only synchronizes is moved past the next statement, or before the previous one, where that lets it order less. One on nothing but a thread's own numbers has no
/// order against it, and of two that only synchronize the order alone rarely matters: these are passed as well, up to the next one that does something.
/// </summary>
internal sealed class SynchronizationMove : IMutationRule
{
    private static readonly string[] control = ["return", "break", "continue"];

    private static readonly string[] assignments = ["=", "+=", "-=", "*=", "|=", "&="];

    public string Name => "sync moved";

    public IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file)
    {
        Synchronization synchronization = new(templates);
        Computation computation = new(templates);
        foreach (Statement block in file.Functions.SelectMany(function => function.Body.Tree).Where(statement => statement.Kind == StatementKind.Block))
        {
            for (int at = 0; at < block.Children.Count; at++)
            {
                Statement statement = block.Children[at];
                if (!synchronization.IsPlain(file, statement))
                {
                    continue;
                }
                TextEdit removal = file.Replace(statement.First, statement.Last, "");
                string text = file.Text[removal.Start..removal.End];
                Direction weaker = synchronization.WeakerTowards(file, statement);
                if (weaker.HasFlag(Direction.Later) && Farthest(block.Children.Skip(at + 1)) is Statement next)
                {
                    int end = file.Tokens[next.Last].End;
                    yield return new(statement.Head, $"moved past `{HeadOf(file, next)}`", removal, new(end, end, $"\n{text}\n"));
                }
                if (weaker.HasFlag(Direction.Earlier) && Farthest(block.Children.Take(at).Reverse()) is Statement previous)
                {
                    int start = file.Tokens[previous.First].Start;
                    yield return new(statement.Head, $"moved before `{HeadOf(file, previous)}`", removal, new(start, start, $"{text}\n"));
                }
            }
        }

        // The first that does something, or the last that synchronizes.
        Statement? Farthest(IEnumerable<Statement> others)
        {
            Statement? synchronizing = null;
            foreach (Statement other in others)
            {
                if (synchronization.IsPlain(file, other))
                {
                    synchronizing = other;
                }
                else if (Matters(computation, file, other))
                {
                    return other;
                }
            }
            return synchronizing;
        }
    }

    /// <summary>Touches memory, calls what does, branches, or ends the way to what follows.</summary>
    private static bool Matters(Computation computation, TemplateFile file, Statement statement)
    {
        Token[] words = file.Tokens[statement.Head..(statement.Last + 1)];
        bool touches = words.Any(token => token.IsWord("shared") || token.IsWord("arguments") || token.Is("["));
        return !IsAddress(file, statement) && (statement.Kind != StatementKind.Simple
            || file.Calls.Any(call => statement.First <= call.NameToken && call.NameToken <= statement.Last && !computation.IsPure(file, call))
            || words.Any(token => control.Contains(token.Value))
            || (touches && words.Any(token => assignments.Contains(token.Value))));
    }

    /// <summary>The declaration of a pointer or a reference takes an address and touches nothing.</summary>
    private static bool IsAddress(TemplateFile file, Statement statement)
    {
        int name = Array.FindIndex(file.Tokens, statement.Head, statement.Last - statement.Head, token => token.Is("=")) - 1;
        return statement.Kind == StatementKind.Simple && name > statement.Head + 1 && file.Tokens[name].Kind == TokenKind.Word
            && file.Tokens[name - 1].Value is "*" or "&" && file.Tokens[name - 2].Kind == TokenKind.Word;
    }

    private static string HeadOf(TemplateFile file, Statement statement) =>
        statement.Kind == StatementKind.Block ? "{" : file.Read(statement.Head, statement.HeadEnd);
}
