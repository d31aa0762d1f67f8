namespace SkipSoftmax.Mutation;

/// <summary>A call names the next barrier instead of its own: the next mbarrier in shared memory, or the next named one.</summary>
internal sealed class BarrierExchange : IMutationRule
{
    private static readonly string[] prefixes = ["mbarrier_", "named_barrier_"];

    public string Name => "barrier taken";

    public IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file)
    {
        foreach (Call call in file.Calls.Where(call => templates.InstructionOf(call) is not null && call.Arguments.Count > 1
            && prefixes.Any(prefix => call.Name.StartsWith(prefix, StringComparison.Ordinal))))
        {
            yield return Next(file, call, argument: 0);
        }
        foreach (Call call in file.Calls.Where(call => call.Name is "mbarrier_arrive" or "tma_load_5d" or "tcgen05_commit"))
        {
            yield return Next(file, call, argument: call.Name == "tma_load_5d" ? 2 : 0);
        }
    }

    private static Mutation Next(TemplateFile file, Call call, int argument)
    {
        (int first, int last) = call.Arguments[argument];
        string text = file.Read(first, last);
        return new(first, $"{text} → {text} + 1", file.Replace(first, last, $"{text} + 1"));
    }
}
