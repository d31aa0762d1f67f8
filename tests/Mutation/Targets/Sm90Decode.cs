using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Simulation;
using static SkipSoftmax.AttentionMask;
using static SkipSoftmax.ThresholdMode;

namespace SkipSoftmax.Mutation;

/// <summary>
/// Decode on SM90: teams of one warp and of several, one team and many; contiguous and pages smaller than a tile, as large and larger; Q in
/// registers and in shared memory; every threshold mode.
/// </summary>
internal static class Sm90Decode
{
    private const int Problems = 7;

    private static readonly BackendCapabilities shapes = SimulatorBackend.Shapes with { MostLogits = 60_000 };

    public static MutationTarget Target { get; } = new()
    {
        Name = "sm90-decode",
        Template = "templates/kernels/sm90_decode.cu",
        Deciding = new HashSet<string>
        {
            "Worker::await_seeds", "Worker::objects", "Segment::needs_seeds", "Segment::owns", "Segment::empty", "TileList::at_or_after",
        },
        Kernels =
        [
            Kernel(64, PerSequence, Causal, ElementType.Float16, pageSize: 16, queries: 2, rows: 32),
            Kernel(128, Fixed, Causal, ElementType.BFloat16, pageSize: 0, queries: 1, rows: 16),
            Kernel(256, ContextScaled, Causal, ElementType.BFloat16, pageSize: 128, queries: 8, rows: 64),
            Kernel(64, Off, AttentionMask.None, ElementType.BFloat16, pageSize: 0, queries: 4, rows: 64),
        ],
    };

    private static TrialKernel Kernel(int headDim, ThresholdMode threshold, AttentionMask mask, ElementType element, int pageSize, int queries, int rows)
    {
        AttentionSpecification specification = CraftedCases.DecodeSpecification with
        {
            HeadDim = headDim,
            Threshold = threshold,
            Mask = mask,
            Element = element,
            KvLayout = pageSize == 0 ? KvLayout.Contiguous : KvLayout.Paged,
            PageSize = pageSize,
            MaxQueryLength = queries,
        };
        return new(specification, rows, () => ProblemsOf(specification, rows));
    }

    private static IEnumerable<TrialProblem> ProblemsOf(AttentionSpecification specification, int rows)
    {
        // From one CTA to more than there are tiles of a head; the seeds have the lengths, ragged ones and pages in every order.
        int[] ctas = [3, 1, 5, 2, 9, 4, 17];
        int seed = 0;
        for (int problem = 0; problem < Problems; problem++)
        {
            AttentionCase attentionCase;
            do
            {
                attentionCase = RandomDecodeCases.Create(seed++, shapes, problem < 5
                    ? new() { Specification = specification, ColdShare = 0.6f, Scale = 1, Lambda = 0.1f, NonFinite = false }
                    : new() { Specification = specification });
            }
            while (!IsHeldBy(rows, attentionCase));
            yield return new(attentionCase, ctas[problem]);
        }
        yield return new(Staggered(specification, rows), Ctas: 1, EverySchedule: true);
        if (rows <= 32)
        {
            yield return new(Deep(specification, rows), Ctas: 12);
        }
        if (specification.HeadDim == CraftedCases.HeadDim && specification.Threshold != Off)
        {
            yield return new(TieCase.Create(specification, rows: 16, tying: 3, tiles: 8), Ctas: 2, Exact: true);
            yield return new(TieCase.Create(specification, rows: 16, tying: 13, tiles: 7), Ctas: 1, Exact: true);
        }
    }

    /// <summary>Several sequences so short that some teams have nothing to judge, and a long one: teams run apart.</summary>
    private static AttentionCase Staggered(AttentionSpecification specification, int rows)
    {
        const int shortLength = 170, longLength = 520;
        AttentionCase attentionCase = Find(specification, rows, longLength, candidate => candidate.Batch >= 3);
        return attentionCase with
        {
            Name = $"staggered, {attentionCase.Name}",
            KeyLengths = [.. Enumerable.Range(0, attentionCase.Batch).Select(sequence => sequence % 3 < 2 ? shortLength : longLength)],
        };
    }

    /// <summary>One head of a sequence long enough for more CTAs than merge at once: a tree of two levels.</summary>
    private static AttentionCase Deep(AttentionSpecification specification, int rows) =>
        Find(specification, rows, keys: 1300, candidate => candidate.Batch == 1 && candidate.Key.Shape.Heads == 1);

    private static AttentionCase Find(AttentionSpecification specification, int rows, int keys, Predicate<AttentionCase> suits)
    {
        const int mostSeeds = 1000;
        for (int seed = 0; seed < mostSeeds; seed++)
        {
            AttentionCase attentionCase = RandomDecodeCases.Create(seed, shapes with { MostLogits = 3 * rows * keys }, new()
            {
                Specification = specification,
                Lengths = (specification.MaxQueryLength, keys),
                ColdShare = 0.5f,
                Scale = 1,
                Lambda = 0.1f,
                NonFinite = false,
            });
            if (IsHeldBy(rows, attentionCase) && attentionCase is { KeyLengths: null, QueryLengths: null } && suits(attentionCase))
            {
                return attentionCase;
            }
        }
        throw new InvalidOperationException($"None of {mostSeeds} seeds gives what is looked for with {rows} rows and {keys} keys.");
    }

    /// <summary>So many rows that they fill more than half of the variant.</summary>
    private static bool IsHeldBy(int rows, AttentionCase attentionCase)
    {
        int needed = attentionCase.GroupSize * attentionCase.Query.Shape.Length;
        return needed <= rows && (needed > rows / 2 || rows == 16);
    }
}
