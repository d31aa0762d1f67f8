using SkipSoftmax.Descriptors;
using Xunit.Abstractions;

namespace SkipSoftmax.Conformance;

/// <summary>
/// At the decisions that a run took, its work is exactly what they call for: K of visited tiles, V of those that somebody keeps, products and
/// exponentials of kept ones, a vote where there is something to decide, and none where nothing is ever skipped.
/// </summary>
public abstract class WorkCountSuite<TBackend>(ITestOutputHelper output) : BackendSuite<TBackend> where TBackend : IWorkCountingBackend, new()
{
    private const int CasesOfASpecification = 2;

    /// <summary>What makes a case skip about that share of its tiles, and the range that the share over all specifications must lie in.</summary>
    private static readonly (string Name, float ColdShare, float Lambda, double Least, double Most)[] Shares =
    [
        ("none", 0.5f, 0, 0, 0),
        ("some", 0.3f, 0.1f, 0.05, 0.4),
        ("half", 0.7f, 0.1f, 0.4, 0.7),
        ("nearly all", 0.98f, 4, 0.8, 0.95),
    ];

    public static TheoryData<string> ShareNames => [.. Shares.Select(share => share.Name)];

    [SkippableTheory]
    [MemberData(nameof(ShareNames))]
    public void Work_is_exactly_what_the_decisions_call_for(string shareName)
    {
        RequireAvailable();
        (_, float coldShare, float lambda, double least, double most) = Shares.Single(share => share.Name == shareName);
        ulong visited = 0;
        ulong skipped = 0;
        foreach (AttentionSpecification specification in Backend.CountedSpecifications)
        {
            for (int seed = 0; seed < CasesOfASpecification; seed++)
            {
                TileCounters counters = CheckAllSchedules(MakeCase(seed, specification, coldShare, lambda));
                if (specification.Threshold != ThresholdMode.Off)
                {
                    visited += counters.Visited;
                    skipped += counters.Skipped;
                }
            }
        }
        output.WriteLine($"{skipped} of {visited} tiles skipped: {(double)skipped / visited:p1}");
        Assert.InRange((double)skipped / visited, least, most);
    }

    [SkippableFact]
    public void Off_votes_nowhere()
    {
        RequireAvailable();
        AttentionSpecification[] dense = [.. Backend.CountedSpecifications.Where(specification => specification.Threshold == ThresholdMode.Off)];
        Assert.NotEmpty(dense);
        Assert.All(dense, specification =>
            Assert.Equal(0UL, Backend.RunCounted(MakeCase(seed: 2, specification, coldShare: 0.9f, lambda: 4), schedule: 0).Counts.Votes));
    }

    private TileCounters CheckAllSchedules(AttentionCase attentionCase)
    {
        TileCounters all = default;
        for (int schedule = 0; schedule < Backend.Schedules; schedule++)
        {
            (BackendResult result, WorkCounts counts) = Backend.RunCounted(attentionCase, schedule);
            WorkCounts expected = Backend.ExpectedWork(attentionCase, result.Decisions);
            Assert.True(expected == counts, $"{attentionCase.Name}, schedule {schedule}:\nexpected {expected}\n counted {counts}");
            all = new(result.Counters.Aggregate(0UL, (sum, of) => sum + of.Visited), result.Counters.Aggregate(0UL, (sum, of) => sum + of.Skipped));
        }
        return all;
    }

    /// <summary>A prompt's end against many keys, in some cases ragged and with several heads, as the seed has it.</summary>
    private AttentionCase MakeCase(int seed, AttentionSpecification specification, float coldShare, float lambda) => RandomCases.Create(seed, Capabilities, new()
    {
        Specification = specification,
        Lengths = (100 + (90 * seed), (14 * specification.KeyBlock) - 5),
        ColdShare = coldShare,
        HotEnds = true,
        Locality = 0,
        Scale = 0.5f, // so that no logit exceeds its row's first ones by what makes a float16 kernel take a reference anew
        Lambda = lambda,
        NonFinite = false,
    });
}
