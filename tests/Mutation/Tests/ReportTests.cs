namespace SkipSoftmax.Mutation;

/// <summary>What a run's verdicts add up to.</summary>
public sealed class ReportTests
{
    private static readonly MutationTarget target = MutationTarget.All[0];

    [Fact]
    public void Survivors_count_against_the_score_and_uncompilable_mutants_do_not()
    {
        IReadOnlyList<Mutant> mutants = MutantGenerator.Generate(target);
        Dictionary<int, Verdict> verdicts = new()
        {
            [0] = new(Outcome.Killed, "deadlock", "", 1),
            [1] = new(Outcome.Survived, "", "", 1),
            [2] = new(Outcome.Uncompilable, "compiler", "", 1),
            [3] = new(Outcome.Killed, "crash", "", 1),
        };
        Assert.Equal(2.0 / 3, new MutationReport(target, mutants, verdicts).Score, 6);
    }

    [Fact]
    public void Survivor_that_is_not_listed_is_unexplained_and_a_listed_one_that_is_caught_is_stale()
    {
        IReadOnlyList<Mutant> mutants = MutantGenerator.Generate(target);
        int listed = Enumerable.Range(0, mutants.Count).First(number => Equivalent.Of(target, mutants[number]) is not null);
        int other = Enumerable.Range(0, mutants.Count).First(number => Equivalent.Of(target, mutants[number]) is null);
        Verdict survived = new(Outcome.Survived, "", "", 1), killed = new(Outcome.Killed, "deadlock", "", 1);

        MutationReport wrong = new(target, mutants, new Dictionary<int, Verdict> { [listed] = killed, [other] = survived });
        Assert.Equal([mutants[other]], wrong.Unexplained);
        Assert.Equal([mutants[listed]], wrong.Stale);

        MutationReport right = new(target, mutants, new Dictionary<int, Verdict> { [listed] = survived, [other] = killed });
        Assert.Empty(right.Unexplained);
        Assert.Empty(right.Stale);
    }

    [Fact]
    public void Every_entry_of_the_list_names_a_mutant_and_a_reason()
    {
        (MutationTarget Target, Mutant Mutant)[] all = [.. MutationTarget.All.SelectMany(target => MutantGenerator.Generate(target).Select(mutant => (target, mutant)))];
        Assert.All(Equivalent.All, entry =>
        {
            Assert.Contains(all, pair => entry.Names(pair.Target, pair.Mutant));
            Assert.False(string.IsNullOrWhiteSpace(entry.Reason));
        });
    }

    [Theory]
    [InlineData("--sample")]
    [InlineData("--workers 0")]
    [InlineData("--seed x")]
    [InlineData("sm80-prefill")]
    public void Bad_options_are_named(string words) =>
        Assert.Contains(words.Split(' ')[^1], Assert.Throws<ArgumentException>(() => RunOptions.Parse(words.Split(' '))).Message, StringComparison.Ordinal);
}
