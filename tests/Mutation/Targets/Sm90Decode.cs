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
            "Worker::log2_lambda", "Worker::await_seeds", "Worker::objects", "Segment::needs_seeds", "Segment::owns", "Segment::empty", "TileList::at_or_after",
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
        if (specification.HeadDim == CraftedCases.HeadDim && specification.Threshold != Off)
        {
            yield return new(TieCase.Create(specification, rows: 16, tying: 3, tiles: 8), Ctas: 2, Exact: true);
            yield return new(TieCase.Create(specification, rows: 16, tying: 13, tiles: 7), Ctas: 1, Exact: true);
        }
    }

    /// <summary>Sequences by turns so short that some teams have nothing to judge, and long: teams run apart.</summary>
    private static AttentionCase Staggered(AttentionSpecification specification, int rows)
    {
        const int shortLength = 170, longLength = 520, mostSeeds = 1000;
        for (int seed = 0; seed < mostSeeds; seed++)
        {
            AttentionCase attentionCase = RandomDecodeCases.Create(seed, shapes with { MostLogits = 2 * rows * longLength }, new()
            {
                Specification = specification,
                Lengths = (specification.MaxQueryLength, longLength),
                ColdShare = 0.5f,
                Scale = 1,
                Lambda = 0.1f,
                NonFinite = false,
            });
            if (IsHeldBy(rows, attentionCase) && attentionCase is { Batch: >= 2, KeyLengths: null, QueryLengths: null })
            {
                return attentionCase with
                {
                    Name = $"staggered, {attentionCase.Name}",
                    KeyLengths = [.. Enumerable.Range(0, attentionCase.Batch).Select(sequence => sequence % 2 == 0 ? shortLength : longLength)],
                };
            }
        }
        throw new InvalidOperationException($"None of {mostSeeds} seeds gives several sequences of {rows} rows.");
    }

    /// <summary>So many rows that they fill more than half of the variant.</summary>
    private static bool IsHeldBy(int rows, AttentionCase attentionCase)
    {
        int needed = attentionCase.GroupSize * attentionCase.Query.Shape.Length;
        return needed <= rows && (needed > rows / 2 || rows == 16);
    }
}
