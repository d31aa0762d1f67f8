using System.Collections.Concurrent;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace SkipSoftmax.Conformance;

/// <summary>2,000 random cases of prefill with fixed seeds and some with fresh ones, against the reference.</summary>
public abstract class RandomSuite<TBackend>(ITestOutputHelper output) : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    protected virtual AttentionPhase Phase => AttentionPhase.Prefill;

    /// <summary>The case of a seed.</summary>
    protected virtual AttentionCase Create(int seed, RandomCaseOptions? options = null) => RandomCases.Create(seed, Capabilities, options);

    private const int CasesOfOneTest = 100;

    /// <summary>Cases of each hundred that skip none of their tiles, a few, up to half, and most: fewer would show little.</summary>
    private const int LeastOfEachShare = 2;

    public static TheoryData<int> FirstSeeds => [.. Enumerable.Range(0, 20).Select(chunk => chunk * CasesOfOneTest)];

    [SkippableTheory]
    [MemberData(nameof(FirstSeeds))]
    public void Random_cases_agree_with_the_reference(int firstSeed)
    {
        int[] casesByShare = Check([.. Enumerable.Range(firstSeed, CasesOfOneTest)]);
        Assert.True(casesByShare.All(cases => cases >= LeastOfEachShare), $"Cases by share skipped: {string.Join(" | ", casesByShare)}: some share is hardly tested.");
    }

    [SkippableFact]
    public void Zero_threshold_gives_the_bits_of_Off()
    {
        RequireAvailable();
        RequirePhase(Phase);
        ConcurrentQueue<string> failures = new();
        Parallel.For(0, CasesOfOneTest, seed =>
        {
            AttentionCase zero = Create(seed, new() { Lambda = 0, NonFinite = false });
            AttentionCase off = zero with { Specification = zero.Specification with { Threshold = ThresholdMode.Off } };
            try
            {
                AssertSameBits(Backend.Run(off), Backend.Run(zero));
            }
            catch (XunitException difference)
            {
                failures.Enqueue($"{zero.Name}: {difference.Message}");
            }
        });
        Assert.True(failures.IsEmpty, string.Join(Environment.NewLine, failures));
    }

    /// <summary>A failure names its seed; <c>RandomCases.Create(seed, …)</c> makes the case again.</summary>
    [SkippableFact]
    public void Fresh_random_cases_agree_with_the_reference() =>
        Check([.. Enumerable.Range(0, CasesOfOneTest).Select(_ => Random.Shared.Next(1_000_000, int.MaxValue))]);

    /// <summary>From one tile to the next: by more than float16 weights can grow against a reference that stays, than bfloat16 ones may, and than
    /// float32 holds.</summary>
    [SkippableTheory]
    [InlineData(12f)]
    [InlineData(50f)]
    [InlineData(100f)]
    public void Logits_that_rise_from_tile_to_tile_agree_with_the_reference(float rise) =>
        // Logits in the hundreds are rounded to more than the bar of float32 allows.
        Check([.. Enumerable.Range(0, CasesOfOneTest).Where(seed => Create(seed).Specification.Element != ElementType.Float32).Take(CasesOfOneTest / 4)], seed =>
        {
            AttentionCase attentionCase = Create(seed, new() { Lengths = Phase == AttentionPhase.Decode ? null : (70, 300 + seed), HotEnds = false, Locality = 0, NonFinite = false });
            RisingLogits.Put(attentionCase, rise);
            return attentionCase;
        });

    /// <summary>Running maxima, and what is negligible below them, lie below 0 too.</summary>
    [SkippableFact]
    public void Logits_below_zero_agree_with_the_reference()
    {
        Skip.If(Phase == AttentionPhase.Decode, "Keys of a decode case lie as its queries do.");
        Check([.. Enumerable.Range(0, CasesOfOneTest / 4)], seed => Create(seed, new() { Opposed = true, Locality = 0 }));
    }

    /// <summary>Gives the cases by share skipped.</summary>
    private int[] Check(int[] seeds) => Check(seeds, seed => Create(seed));

    private int[] Check(int[] seeds, Func<int, AttentionCase> create)
    {
        RequireAvailable();
        RequirePhase(Phase);
        ReferenceComparison[] comparisons = new ReferenceComparison[seeds.Length];
        try
        {
            Parallel.For(0, seeds.Length, index =>
            {
                AttentionCase attentionCase = create(seeds[index]);
                comparisons[index] = ReferenceComparison.Check(attentionCase, Backend.Run(attentionCase, threads: 1 + (seeds[index] % 3)));
            });
        }
        catch (AggregateException failures)
        {
            Assert.Fail(string.Join(Environment.NewLine, failures.InnerExceptions.Select(failure => failure.Message)));
        }
        int[] casesByShare = CountByShare(comparisons);
        long visited = comparisons.Sum(comparison => (long)comparison.Visited);
        long skipped = comparisons.Sum(comparison => (long)comparison.Skipped);
        int turnedOver = comparisons.Sum(comparison => comparison.TurnedOver);
        output.WriteLine($"seeds {seeds[0]} …: {visited} tiles, {skipped} skipped, {turnedOver} decided otherwise within rounding, "
            + $"cases by share skipped {string.Join(" | ", casesByShare)}, "
            + $"largest error {comparisons.Max(comparison => comparison.RelativeError / comparison.AllowedError):p0} of what is allowed");
        Assert.True(turnedOver <= visited / 100, $"{turnedOver} of {visited} decisions differ: too many to be rounding.");
        return casesByShare;
    }

    /// <summary>Of all cases that visited something, those that skipped nothing, up to a quarter of their tiles, up to half, and more.</summary>
    private static int[] CountByShare(ReferenceComparison[] comparisons)
    {
        int[] counts = new int[4];
        foreach (ReferenceComparison comparison in comparisons.Where(comparison => comparison.Visited > 0))
        {
            counts[Math.Min(3, (int)Math.Ceiling(4.0 * comparison.Skipped / comparison.Visited))]++;
        }
        return counts;
    }
}

/// <summary>The same for decode.</summary>
public abstract class DecodeRandomSuite<TBackend>(ITestOutputHelper output) : RandomSuite<TBackend>(output) where TBackend : IConformanceBackend, new()
{
    protected override AttentionPhase Phase => AttentionPhase.Decode;

    /// <inheritdoc/>
    protected override AttentionCase Create(int seed, RandomCaseOptions? options = null) => RandomDecodeCases.Create(seed, Capabilities, options);
}
