namespace SkipSoftmax.Mutation;

/// <summary>A replacement of some characters of a template.</summary>
/// <param name="Start">Offset of the first.</param>
/// <param name="End">After the last.</param>
/// <param name="Replacement">What takes their place.</param>
internal readonly record struct TextEdit(int Start, int End, string Replacement)
{
    /// <summary>The text after edits that do not overlap.</summary>
    public static string Apply(string text, params IEnumerable<TextEdit> edits)
    {
        foreach (TextEdit edit in edits.OrderByDescending(edit => edit.Start).ThenByDescending(edit => edit.End))
        {
            text = string.Concat(text.AsSpan(0, edit.Start), edit.Replacement, text.AsSpan(edit.End));
        }
        return text;
    }
}
