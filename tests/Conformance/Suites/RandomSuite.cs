using Xunit.Abstractions;

namespace SkipSoftmax.Conformance;

/// <summary>2,000 random cases of prefill with fixed seeds and some with fresh ones, against the reference.</summary>
public abstract class RandomSuite<TBackend>(ITestOutputHelper output) : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    protected virtual AttentionPhase Phase => AttentionPhase.Prefill;

    /// <summary>The case of a seed.</summary>
    protected virtual AttentionCase Create(int seed) => RandomCases.Create(seed, Capabilities);

    private const int CasesOfOneTest = 100;

    public static TheoryData<int> FirstSeeds => [.. Enumerable.Range(0, 20).Select(chunk => chunk * CasesOfOneTest)];

    [SkippableTheory]
    [MemberData(nameof(FirstSeeds))]
    public void Random_cases_agree_with_the_reference(int firstSeed) => Check([.. Enumerable.Range(firstSeed, CasesOfOneTest)]);

    /// <summary>A failure names its seed; <c>RandomCases.Create(seed, …)</c> makes the case again.</summary>
    [SkippableFact]
    public void Fresh_random_cases_agree_with_the_reference() =>
        Check([.. Enumerable.Range(0, CasesOfOneTest).Select(_ => Random.Shared.Next(1_000_000, int.MaxValue))]);

    private void Check(int[] seeds)
    {
        RequireAvailable();
        RequirePhase(Phase);
        ReferenceComparison[] comparisons = new ReferenceComparison[seeds.Length];
        try
        {
            Parallel.For(0, seeds.Length, index =>
            {
                AttentionCase attentionCase = Create(seeds[index]);
                comparisons[index] = ReferenceComparison.Check(attentionCase, Backend.Run(attentionCase, threads: 1 + (seeds[index] % 3)));
            });
        }
        catch (AggregateException failures)
        {
            Assert.Fail(string.Join(Environment.NewLine, failures.InnerExceptions.Select(failure => failure.Message)));
        }
        long visited = comparisons.Sum(comparison => (long)comparison.Visited);
        long skipped = comparisons.Sum(comparison => (long)comparison.Skipped);
        int turnedOver = comparisons.Sum(comparison => comparison.TurnedOver);
        output.WriteLine($"seeds {seeds[0]} …: {visited} tiles, {skipped} skipped, {turnedOver} decided otherwise within rounding, "
            + $"largest error {comparisons.Max(comparison => comparison.RelativeError / comparison.AllowedError):p0} of what is allowed");
        Assert.InRange((double)skipped / visited, Capabilities.LeastSparsity, 0.9); // otherwise these cases show little
        Assert.True(turnedOver <= visited / 100, $"{turnedOver} of {visited} decisions differ: too many to be rounding.");
    }
}

/// <summary>The same for decode.</summary>
public abstract class DecodeRandomSuite<TBackend>(ITestOutputHelper output) : RandomSuite<TBackend>(output) where TBackend : IConformanceBackend, new()
{
    protected override AttentionPhase Phase => AttentionPhase.Decode;

    /// <inheritdoc/>
    protected override AttentionCase Create(int seed) => RandomDecodeCases.Create(seed, Capabilities);
}
