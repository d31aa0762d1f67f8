extern alias generator;
using System.Text.RegularExpressions;
using generator::SkipSoftmax.Generator.Specialization;

namespace SkipSoftmax.Mutation;

/// <summary>Applies every rule to every template of a kernel above the instruction layer.</summary>
internal static partial class MutantGenerator
{
    /// <summary>Of a kernel, from the generator's own templates: the same ones in the same order every time.</summary>
    public static IReadOnlyList<Mutant> Generate(MutationTarget target) => Generate(new TemplateSet(TemplateLibrary.Embedded.Files, target.Template), target.Rules);

    /// <summary>In the order of rules, files and lines. Two rules may come to the same text: then the first stands.</summary>
    public static IReadOnlyList<Mutant> Generate(TemplateSet templates, IReadOnlyList<IMutationRule> rules)
    {
        HashSet<(string, string)> texts = [.. templates.Mutable.Select(file => (file.Path, WhiteSpace().Replace(file.Text, " ")))];
        List<Mutant> mutants = [];
        foreach (IMutationRule rule in rules)
        {
            foreach (TemplateFile file in templates.Mutable)
            {
                foreach (Mutation mutation in rule.Find(templates, file))
                {
                    string text = TextEdit.Apply(file.Text, mutation.Edits);
                    if (texts.Add((file.Path, WhiteSpace().Replace(text, " "))))
                    {
                        mutants.Add(Describe(rule, file, mutation, text));
                    }
                }
            }
        }
        return mutants;
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();

    private static Mutant Describe(IMutationRule rule, TemplateFile file, Mutation mutation, string text)
    {
        (Function function, Statement statement) = file.Enclosing(mutation.Token)
            ?? throw new InvalidOperationException($"{rule.Name}: token {mutation.Token} of {file.Path} is in no function.");
        return new(rule.Name, file.Path, file.LineOf(mutation.Token), function.QualifiedName, file.Read(statement.Head, statement.HeadEnd), mutation.Change, text);
    }
}
