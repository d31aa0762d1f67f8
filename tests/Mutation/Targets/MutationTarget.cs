namespace SkipSoftmax.Mutation;

/// <summary>A kernel that mutants are made of, and what they are tried on. Another kernel joins the run by a property here.</summary>
internal sealed record MutationTarget
{
    /// <summary>On the command line and in reports.</summary>
    public required string Name { get; init; }

    /// <summary>The kernel's template; everything above the instruction layer that it includes is mutated.</summary>
    public required string Template { get; init; }

    /// <summary>Functions that decide on skipping, with the struct they are members of.</summary>
    public required IReadOnlySet<string> Deciding { get; init; }

    /// <summary>Variants that a mutant is tried as until one of them gives it away: the most telling first.</summary>
    public required IReadOnlyList<TrialKernel> Kernels { get; init; }

    public static IReadOnlyList<MutationTarget> All { get; } = [Sm90Prefill.Target, Sm90Decode.Target, Sm100Prefill.Target];

    /// <summary>Every kind of change.</summary>
    public IReadOnlyList<IMutationRule> Rules =>
        [new SynchronizationRemoval(), new SynchronizationMove(), new ParityFlip(), new DescriptorFields(), new LayoutTerms(), new BarrierCounts(), new BarrierExchange(), new RegisterCounts(), new Comparisons(Deciding)];

    /// <exception cref="ArgumentException">There is no such target.</exception>
    public static MutationTarget Find(string name) => All.FirstOrDefault(target => target.Name == name)
        ?? throw new ArgumentException($"There is no kernel '{name}' to mutate: name one of {string.Join(", ", All.Select(target => target.Name))}.", nameof(name));
}
