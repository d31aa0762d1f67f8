namespace SkipSoftmax.Mutation;

/// <summary>One change of one template.</summary>
/// <param name="Rule">The kind of change.</param>
/// <param name="File">The template.</param>
/// <param name="Line">In it.</param>
/// <param name="Function">That it lies in.</param>
/// <param name="Statement">As it was, in one line; of an if or a loop, its head.</param>
/// <param name="Change">What has become of it.</param>
/// <param name="Text">The whole template, changed.</param>
internal sealed record Mutant(string Rule, string File, int Line, string Function, string Statement, string Change, string Text)
{
    public override string ToString() => $"{File}:{Line} {Function}: {Rule}: `{Statement}` → {Change}";
}
