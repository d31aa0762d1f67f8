namespace SkipSoftmax.Mutation;

/// <summary>All mutants of a kernel, or some, and whether the tests that they met are good enough.</summary>
internal static class MutationRun
{
    /// <summary>Judges, with progress as it goes and a summary at the end. True if enough were caught and every survivor is explained.</summary>
    public static bool Run(MutationTarget target, RunOptions options, TextWriter output)
    {
        IReadOnlyList<Mutant> mutants = MutantGenerator.Generate(target);
        int[] numbers = Choose(mutants, options);
        output.WriteLine($"{target.Name}: {mutants.Count} mutants, {numbers.Length} of them to be tried, {options.Workers} at a time");
        RequireSound(target);
        int done = 0;
        MutationReport report = new(target, mutants, WorkerPool.Try(target, numbers, options.Workers, (number, verdict) =>
        {
            output.WriteLine($"[{++done}/{numbers.Length}] {verdict.Outcome}{(verdict.By.Length > 0 ? $" ({verdict.By})" : "")} in {verdict.Seconds:f1} s: {mutants[number]}");
            if (verdict.Message.Length > 0)
            {
                output.WriteLine($"    {verdict.Message.Split('\n')[0]}");
            }
        }));
        report.Write(output);
        bool whole = numbers.Length == mutants.Count;
        IEnumerable<Equivalent> lost = whole ? Lost(options) : [];
        foreach (Equivalent entry in lost)
        {
            output.WriteLine($"equivalents.json names a mutant that is not there: {entry.Rule}, {entry.Function}, `{entry.Statement}`, {entry.Change}");
        }
        return (!whole || report.Score >= MutationReport.LeastScore) && report.IsClean && !lost.Any();
    }

    /// <summary>Numbers of the mutants that are asked for, in random order where they are a sample.</summary>
    public static int[] Choose(IReadOnlyList<Mutant> mutants, RunOptions options)
    {
        int[] numbers = [.. Enumerable.Range(0, mutants.Count).Where(number => mutants[number].ToString().Contains(options.Only, StringComparison.Ordinal))];
        if (options.Sample is int sample && sample < numbers.Length)
        {
            new Random(options.Seed).Shuffle(numbers);
            numbers = numbers[..sample];
        }
        return numbers;
    }

    /// <summary>The templates as they are must pass every trial, or the verdicts mean nothing.</summary>
    /// <exception cref="InvalidOperationException">They don't.</exception>
    public static void RequireSound(MutationTarget target)
    {
        Verdict verdict = WorkerPool.Try(target, [Worker.Unchanged], workers: 1)[Worker.Unchanged];
        if (verdict.Outcome != Outcome.Survived)
        {
            throw new InvalidOperationException($"{target.Name} fails without any change ({verdict.By}): {verdict.Message}");
        }
    }

    /// <summary>Entries of the list that name no mutant of any kernel.</summary>
    private static IEnumerable<Equivalent> Lost(RunOptions options)
    {
        (MutationTarget Target, Mutant Mutant)[] all = [.. MutationTarget.All.SelectMany(target => MutantGenerator.Generate(target).Select(mutant => (target, mutant)))];
        return options.Targets.Count == 0 ? [] : [.. Equivalent.All.Where(entry => !all.Any(pair => entry.Names(pair.Target, pair.Mutant)))];
    }
}
