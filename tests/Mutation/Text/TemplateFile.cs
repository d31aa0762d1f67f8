using System.Text.RegularExpressions;

namespace SkipSoftmax.Mutation;

/// <summary>One template's text with its tokens, functions and calls.</summary>
internal sealed partial class TemplateFile
{
    private static readonly string[] keywords = ["if", "for", "while", "switch", "return", "sizeof", "alignas", "static_assert", "decltype"];

    public TemplateFile(string path, string text)
    {
        Path = path;
        Text = text;
        Tokens = Tokenizer.Split(text);
        Functions = StatementParser.Parse(text, Tokens);
        Calls = [.. FindCalls()];
    }

    public string Path { get; }

    public string Text { get; }

    public Token[] Tokens { get; }

    public IReadOnlyList<Function> Functions { get; }

    /// <summary>In the order of the text, outer ones first.</summary>
    public IReadOnlyList<Call> Calls { get; }

    /// <summary>What these tokens are, in one line.</summary>
    public string Read(int first, int last) => WhiteSpace().Replace(Text[Tokens[first].Start..Tokens[last].End], " ");

    /// <summary>The edit that replaces these tokens.</summary>
    public TextEdit Replace(int first, int last, string replacement) => new(Tokens[first].Start, Tokens[last].End, replacement);

    public int LineOf(int token) => Text.AsSpan(0, Tokens[token].Start).Count('\n') + 1;

    /// <summary>The function and the innermost statement whose head holds this token, or null outside of functions.</summary>
    public (Function Function, Statement Statement)? Enclosing(int token)
    {
        Function? function = Functions.FirstOrDefault(function => function.Body.First <= token && token <= function.Body.Last);
        Statement? statement = function?.Body.Tree.LastOrDefault(statement => statement.First <= token && token <= statement.Last);
        return statement is null ? null : (function!, statement);
    }

    private IEnumerable<Call> FindCalls()
    {
        for (int name = 0; name + 1 < Tokens.Length; name++)
        {
            if (Tokens[name].Kind != TokenKind.Word || keywords.Contains(Tokens[name].Value) || Enclosing(name) is null)
            {
                continue;
            }
            int opening = name + 1;
            if (Tokens[opening].Is("<") && Tokens[opening].Start == Tokens[name].End)
            {
                while (opening < Tokens.Length && !Tokens[opening].Is(">") && !Tokens[opening].Is(";"))
                {
                    opening++;
                }
                opening++;
            }
            // A declaration with an initializer, T name(…), is a call as well: of the constructor.
            if (opening < Tokens.Length && Tokens[opening].Is("("))
            {
                int last = TokenRange.Closing(Tokens, opening);
                bool member = Tokens[name - 1].Is(".") || Tokens[name - 1].Is("->");
                yield return new(Tokens[name].Value, member ? name - 2 : name, name, last, member, [.. TokenRange.Split(Tokens, opening, last)]);
            }
        }
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}
