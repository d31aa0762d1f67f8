namespace SkipSoftmax.Mutation;

/// <summary>A barrier is told of more or fewer bytes, arrivals or threads than come.</summary>
internal sealed class BarrierCounts : IMutationRule
{
    /// <summary>Function, its argument that counts, and the smallest step.</summary>
    private static readonly (string Function, int Argument, int Step)[] counts =
    [
        ("mbarrier_arrive_expect_bytes", 1, 16),
        ("mbarrier_init", 1, 1),
        ("named_barrier_sync", 1, 32),
        ("named_barrier_arrive", 1, 32),
        ("named_barrier_any", 1, 32),
    ];

    public string Name => "count changed";

    public IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file) =>
        from call in file.Calls
        where templates.InstructionOf(call) is not null
        from count in counts
        where call.Name == count.Function
        from sign in new[] { '+', '-' }
        let argument = call.Arguments[count.Argument]
        let text = file.Read(argument.First, argument.Last)
        let changed = $"{text} {sign} {count.Step}"
        select new Mutation(argument.First, $"{text} → {changed}", file.Replace(argument.First, argument.Last, changed));
}
