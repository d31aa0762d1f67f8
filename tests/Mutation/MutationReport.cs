namespace SkipSoftmax.Mutation;

/// <summary>The verdicts on mutants of one kernel, and what they say about the tests.</summary>
internal sealed class MutationReport(MutationTarget target, IReadOnlyList<Mutant> mutants, IReadOnlyDictionary<int, Verdict> verdicts)
{
    /// <summary>Of those that compile, the share that must be caught; known equivalents count as not caught.</summary>
    public const double LeastScore = 0.95;

    private IEnumerable<(Mutant Mutant, Verdict Verdict)> Judged => verdicts.OrderBy(pair => pair.Key).Select(pair => (mutants[pair.Key], pair.Value));

    /// <summary>Survivors that nobody has explained.</summary>
    public IReadOnlyList<Mutant> Unexplained => [.. Of(Outcome.Survived).Where(mutant => Equivalent.Of(target, mutant) is null)];

    /// <summary>Killed although they are listed as equivalent.</summary>
    public IReadOnlyList<Mutant> Stale => [.. Of(Outcome.Killed).Where(mutant => Equivalent.Of(target, mutant) is not null)];

    /// <summary>Those that the run failed to try.</summary>
    public IReadOnlyList<Mutant> NotTried => [.. Of(Outcome.NotTried)];

    public double Score => (double)Of(Outcome.Killed).Count() / Math.Max(1, Judged.Count(pair => pair.Verdict.Outcome != Outcome.Uncompilable));

    /// <summary>Whether nothing is left to be done about these verdicts, the score aside.</summary>
    public bool IsClean => Unexplained.Count == 0 && Stale.Count == 0 && NotTried.Count == 0;

    public void Write(TextWriter output)
    {
        output.WriteLine($"{target.Name}: mutants by kind of change");
        output.WriteLine($"{"",-16}{"compiled",10}{"caught",8}{"score",9}{"not compiled",14}");
        foreach (IGrouping<string, (Mutant Mutant, Verdict Verdict)> rule in Judged.GroupBy(pair => pair.Mutant.Rule))
        {
            WriteRow(output, rule.Key, [.. rule]);
        }
        WriteRow(output, "all", [.. Judged]);
        output.WriteLine("Caught by: " + string.Join(", ", Judged.Where(pair => pair.Verdict.Outcome == Outcome.Killed)
            .CountBy(pair => pair.Verdict.By).OrderByDescending(by => by.Value).Select(by => $"{by.Key} {by.Value}")));
        WriteList(output, "Survivors, explained", Of(Outcome.Survived).Where(mutant => Equivalent.Of(target, mutant) is not null));
        WriteList(output, "Survivors, NOT explained", Unexplained);
        WriteList(output, "Listed as equivalent, but caught (stale)", Stale);
        WriteList(output, "NOT TRIED, for no fault of theirs", NotTried);
        WriteList(output, "Not compiled", Of(Outcome.Uncompilable));
    }

    private IEnumerable<Mutant> Of(Outcome outcome) => Judged.Where(pair => pair.Verdict.Outcome == outcome).Select(pair => pair.Mutant);

    private static void WriteRow(TextWriter output, string name, IReadOnlyCollection<(Mutant Mutant, Verdict Verdict)> judged)
    {
        int refused = judged.Count(pair => pair.Verdict.Outcome == Outcome.Uncompilable), caught = judged.Count(pair => pair.Verdict.Outcome == Outcome.Killed);
        output.WriteLine($"{name,-16}{judged.Count - refused,10}{caught,8}{(double)caught / Math.Max(1, judged.Count - refused),9:p1}{refused,14}");
    }

    private void WriteList(TextWriter output, string title, IEnumerable<Mutant> listed)
    {
        Mutant[] all = [.. listed];
        if (all.Length == 0)
        {
            return;
        }
        output.WriteLine($"{title}: {all.Length}");
        foreach (Mutant mutant in all)
        {
            output.WriteLine($"  {mutant}");
            if (Equivalent.Of(target, mutant) is Equivalent entry)
            {
                output.WriteLine($"    {entry.Reason}");
            }
        }
    }
}
