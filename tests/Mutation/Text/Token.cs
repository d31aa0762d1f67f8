namespace SkipSoftmax.Mutation;

internal enum TokenKind
{
    Word,
    Number,
    Text,
    Punctuation,

    /// <summary>A whole preprocessor line.</summary>
    Directive,
}

/// <summary>One token of C++ text; comments and white space are none.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Start">Offset of its first character.</param>
/// <param name="Value">Its characters.</param>
internal readonly record struct Token(TokenKind Kind, int Start, string Value)
{
    public int End => Start + Value.Length;

    public bool Is(string punctuation) => Kind == TokenKind.Punctuation && Value == punctuation;

    public bool IsWord(string word) => Kind == TokenKind.Word && Value == word;
}
