namespace SkipSoftmax.Mutation;

internal enum StatementKind
{
    /// <summary>Ends with a semicolon.</summary>
    Simple,

    /// <summary>In braces.</summary>
    Block,
    If,
    Loop,
}

/// <summary>A statement of a function's body, as a range of tokens; a <c>#pragma unroll</c> before it is part of it.</summary>
internal sealed class Statement(StatementKind kind, int first)
{
    public StatementKind Kind { get; } = kind;

    /// <summary>First token, a directive included.</summary>
    public int First { get; } = first;

    /// <summary>Last token.</summary>
    public int Last { get; set; }

    /// <summary>First token after the directives.</summary>
    public int Head { get; set; }

    /// <summary>Last token of the head: the closing parenthesis of a condition, or <see cref="Last"/> of a simple statement.</summary>
    public int HeadEnd { get; set; }

    public bool HasElse { get; set; }

    public Statement? Parent { get; set; }

    public List<Statement> Children { get; } = [];

    /// <summary>This and all within it.</summary>
    public IEnumerable<Statement> Tree => Children.SelectMany(child => child.Tree).Prepend(this);
}
