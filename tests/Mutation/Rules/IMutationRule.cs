namespace SkipSoftmax.Mutation;

/// <summary>A kind of change that is made at every place of a kernel's templates where it can be made.</summary>
internal interface IMutationRule
{
    /// <summary>A word or two, the same in reports and in the list of equivalents.</summary>
    string Name { get; }

    IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file);
}

/// <summary>One change that a rule proposes.</summary>
/// <param name="Token">Where: a token of the changed statement.</param>
/// <param name="Change">What becomes of it, for people.</param>
/// <param name="Edits">The same, for the text.</param>
internal readonly record struct Mutation(int Token, string Change, params TextEdit[] Edits);
