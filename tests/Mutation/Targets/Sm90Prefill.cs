using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Simulation;
using static SkipSoftmax.AttentionMask;
using static SkipSoftmax.ThresholdMode;
using static SkipSoftmax.TileOrder;

namespace SkipSoftmax.Mutation;

/// <summary>
/// Prefill on SM90: three consumer warpgroups and two, one or both of which decide; one decision across a product tile and two; every threshold
/// mode and order; V in one stage and two.
/// </summary>
internal static class Sm90Prefill
{
    private static readonly BackendCapabilities shapes = SimulatorBackend.Shapes with { MostLogits = 150_000 };

    public static MutationTarget Target { get; } = new()
    {
        Name = "sm90-prefill",
        Template = "templates/kernels/sm90_prefill.cu",
        Deciding = new HashSet<string> { "log2_threshold", "unit_is_negligible", "kept_units", "Consumer::vote", "Consumer::decide", "Consumer::record" },
        Kernels =
        [
            Kernel(64, 64, 64, Fixed, Causal, ElementType.Float16, Descending),
            Kernel(128, 128, 64, PerSequence, Causal, ElementType.BFloat16, SinkFirst),
            Kernel(64, 64, 64, Off, Causal, ElementType.BFloat16, SinkFirst),
            Kernel(192, 64, 64, ContextScaled, AttentionMask.None, ElementType.Float16, Descending),
            Kernel(256, 128, 64, Fixed, Causal, ElementType.BFloat16, Ascending),
        ],
    };

    private static TrialKernel Kernel(int headDim, int queryBlock, int keyBlock, ThresholdMode threshold, AttentionMask mask, ElementType element, TileOrder order)
    {
        AttentionSpecification specification = CraftedCases.Specification with
        {
            HeadDim = headDim,
            QueryBlock = queryBlock,
            KeyBlock = keyBlock,
            Threshold = threshold,
            Mask = mask,
            Element = element,
            Order = order,
        };
        return new(specification, rows: 1, () => Problems(specification));
    }

    private static IEnumerable<TrialProblem> Problems(AttentionSpecification specification)
    {
        // Much is skipped: ragged lengths and groups as the seeds have them, several work tiles to a CTA; more rows than keys too, so that under a causal
        // mask whole work tiles see no key.
        (int, int)[] lengths = [(210, 400), (70, 330), (450, 120), (100, 640), (200, 200)];
        for (int seed = 0; seed < lengths.Length; seed++)
        {
            yield return new(RandomCases.Create(seed, shapes, new()
            {
                Specification = specification,
                Lengths = lengths[seed],
                ColdShare = 0.6f,
                HotEnds = seed % 2 == 0,
                Locality = 0,
                Scale = 1,
                Lambda = 0.1f,
                NonFinite = false,
            }));
        }
        // Anything: NaN, λ of 0 and above 1, very short sequences.
        for (int seed = 100; seed < 103; seed++)
        {
            yield return new(RandomCases.Create(seed, shapes, new() { Specification = specification }));
        }
        if (specification.HeadDim == CraftedCases.HeadDim && specification.Threshold != Off)
        {
            // Rows of a thread's two, in different warps.
            yield return new(TieCase.Create(specification, rows: 64, tying: 3, tiles: 7), Exact: true);
            yield return new(TieCase.Create(specification, rows: 64, tying: 29, tiles: 6), Exact: true);
        }
    }
}
