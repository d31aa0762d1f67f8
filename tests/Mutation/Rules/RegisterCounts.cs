namespace SkipSoftmax.Mutation;

/// <summary>A role takes more registers than it is due, gives back fewer, or does neither.</summary>
internal sealed class RegisterCounts : IMutationRule
{
    private static readonly string[] functions = ["release_registers", "claim_registers"];

    public string Name => "registers";

    public IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file)
    {
        foreach (Call call in file.Calls.Where(call => functions.Contains(call.Name)))
        {
            string count = file.Tokens[call.NameToken + 2].Value;
            // The generator wants every constant of a variant used.
            yield return new(call.NameToken, "removed", file.Replace(call.First, call.Last, $"static_cast<void>({count})"));
            foreach (string changed in new[] { $"{count} + 8", $"{count} - 8", $"{count} + 32" })
            {
                yield return new(call.NameToken, $"{count} → {changed}", file.Replace(call.NameToken + 2, call.NameToken + 2, changed));
            }
        }
    }
}
