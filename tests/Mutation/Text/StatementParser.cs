namespace SkipSoftmax.Mutation;

/// <summary>Finds functions and their statements in the tokens of a template. It knows the C++ that the templates are written in, not all of C++.</summary>
internal sealed class StatementParser(string text, Token[] tokens)
{
    private static readonly string[] attributes = ["__launch_bounds__", "__align__", "alignas", "static_assert", "decltype"];

    private readonly List<Function> functions = [];
    private int at;

    public static IReadOnlyList<Function> Parse(string text, Token[] tokens)
    {
        StatementParser parser = new(text, tokens);
        while (parser.at < tokens.Length)
        {
            parser.ParseDeclaration(scope: "");
        }
        return parser.functions;
    }

    /// <summary>A declaration at file or struct scope: up to its semicolon, or the end of a function's or struct's body.</summary>
    private void ParseDeclaration(string scope)
    {
        string? structure = null;
        int parameters = -1;
        for (; at < tokens.Length; at++)
        {
            Token token = tokens[at];
            if (token.Is(";") || token.Kind == TokenKind.Directive)
            {
                at++;
                return;
            }
            if (token.IsWord("struct") && parameters < 0)
            {
                structure = NameOfStructure();
            }
            else if (token.Is("("))
            {
                if (parameters < 0 && tokens[at - 1].Kind == TokenKind.Word && !attributes.Contains(tokens[at - 1].Value))
                {
                    parameters = at;
                }
                at = Closing(at);
            }
            else if (token.Is("{") && tokens[at - 1].Is("="))
            {
                at = Closing(at);
            }
            else if (token.Is("{") && parameters >= 0)
            {
                string name = tokens[parameters - 1].Value;
                Statement body = ParseStatement(parent: null);
                functions.Add(new(scope, name, ReadParameters(parameters), body));
                return;
            }
            else if (token.Is("{"))
            {
                int end = Closing(at);
                at++;
                while (at < end)
                {
                    ParseDeclaration(structure ?? scope);
                }
            }
        }
    }

    /// <summary>The word before the body, a base class or a specialization's arguments.</summary>
    private string NameOfStructure()
    {
        int name = at + 1;
        while (tokens[name].IsWord("alignas"))
        {
            name = Closing(name + 1) + 1;
        }
        return tokens[name].Value;
    }

    private Statement ParseStatement(Statement? parent)
    {
        int first = at;
        while (tokens[at].Kind == TokenKind.Directive)
        {
            at++;
        }
        Token head = tokens[at];
        StatementKind kind = head.Is("{") ? StatementKind.Block
            : head.IsWord("if") ? StatementKind.If
            : head.IsWord("for") || head.IsWord("while") ? StatementKind.Loop
            : StatementKind.Simple;
        Statement statement = new(kind, first) { Head = at, HeadEnd = at, Parent = parent };
        switch (kind)
        {
            case StatementKind.Block:
                ParseBlock(statement);
                break;
            case StatementKind.Simple:
                while (!tokens[at].Is(";"))
                {
                    at = IsOpening(tokens[at]) ? Closing(at) + 1 : at + 1;
                }
                statement.HeadEnd = at++;
                break;
            default:
                while (!tokens[at].Is("("))
                {
                    at++;
                }
                statement.HeadEnd = Closing(at);
                at = statement.HeadEnd + 1;
                statement.Children.Add(ParseStatement(statement));
                if (kind == StatementKind.If && at < tokens.Length && tokens[at].IsWord("else"))
                {
                    at++;
                    statement.HasElse = true;
                    statement.Children.Add(ParseStatement(statement));
                }
                break;
        }
        statement.Last = at - 1;
        return statement;
    }

    private void ParseBlock(Statement block)
    {
        int end = Closing(at);
        at++;
        while (at < end)
        {
            block.Children.Add(ParseStatement(block));
        }
        at = end + 1;
    }

    private List<Parameter> ReadParameters(int opening)
    {
        List<Parameter> parameters = [];
        foreach ((int first, int last) in TokenRange.Split(tokens, opening, Closing(opening)))
        {
            // float (&maxima)[2]: the name is the last word, outside of an array's extent.
            int name = last;
            while (name > first && tokens[name].Is("]"))
            {
                name = TokenRange.Opening(tokens, name) - 1;
            }
            while (name > first && tokens[name].Kind != TokenKind.Word)
            {
                name--;
            }
            parameters.Add(new(text[tokens[first].Start..tokens[last].End], name > first ? tokens[name].Value : ""));
        }
        return parameters;
    }

    private int Closing(int opening) => TokenRange.Closing(tokens, opening);

    private static bool IsOpening(Token token) => token.Is("(") || token.Is("{") || token.Is("[");
}
