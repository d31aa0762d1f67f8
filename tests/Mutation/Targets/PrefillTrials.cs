using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Simulation;
using static SkipSoftmax.ThresholdMode;

namespace SkipSoftmax.Mutation;

/// <summary>What a prefill kernel of any target is tried on.</summary>
internal static class PrefillTrials
{
    private static readonly BackendCapabilities shapes = SimulatorBackend.Shapes with { MostLogits = 150_000 };

    public static TrialKernel Kernel(GpuTargets target, int headDim, int queryBlock, int keyBlock, ThresholdMode threshold, AttentionMask mask, ElementType element, TileOrder order)
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
            Targets = target,
        };
        return new(specification, rows: 1, () => Problems(specification));
    }

    private static IEnumerable<TrialProblem> Problems(AttentionSpecification specification)
    {
        RandomCaseOptions finite = new() { Specification = specification, Locality = 0, Scale = 1, Lambda = 0.1f, NonFinite = false };
        // Much is skipped: ragged lengths and groups as the seeds have them, several work tiles to a CTA; more rows than keys too, so that under a causal
        // mask whole work tiles see no key.
        (int, int)[] lengths = [(210, 400), (140, 330), (450, 120), (130, 500), (200, 200)];
        for (int seed = 0; seed < lengths.Length; seed++)
        {
            yield return new(RandomCases.Create(seed, shapes, finite with { Lengths = lengths[seed], ColdShare = 0.6f, HotEnds = seed % 2 == 0 }), Ctas: 1 + (seed % 2));
        }
        // Logits below 0, of which those near it are the largest.
        yield return new(RandomCases.Create(seed: 8, shapes, finite with { Lengths = (70, 900), ColdShare = 0.4f, HotEnds = false, Opposed = true }), Ctas: 1);
        // Fewer rows than a warpgroup has, so that some of its warps see no key, and a first product tile of a hot and a cold block.
        RandomCaseOptions few = finite with { Lengths = (20, 384), ColdShare = 0.9f, HotEnds = true };
        yield return new(
            Enumerable.Range(8, 100).Select(seed => RandomCases.Create(seed, shapes, few)).First(drawn => drawn.QueryLengths is null && drawn.KeyLengths is null), Ctas: 1);
        // Anything: NaN, λ of 0 and above 1, very short sequences.
        for (int seed = 100; seed < 103; seed++)
        {
            yield return new(RandomCases.Create(seed, shapes, new() { Specification = specification }), Ctas: 3);
        }
        foreach (float rise in new[] { 12f, 100f }) // more than a weight can grow
        {
            AttentionCase rising = RandomCases.Create(seed: 5, shapes, new() { Specification = specification, Lengths = (130, 520), HotEnds = false, Locality = 0, NonFinite = false });
            RisingLogits.Put(rising, rise);
            yield return new(rising, Ctas: 1);
        }
        // The first of two tiles is above all before it in every row; the second is negligible beside it, but not beside what was before.
        AttentionCase stepped = RandomCases.Create(seed: 5, shapes, finite with { Lengths = (130, 512), HotEnds = false });
        RisingLogits.Put(stepped, visit => 24 * ((visit + 2) / 2 - (visit % 2)));
        yield return new(stepped, Ctas: 1);
        if (specification is { HeadDim: 192, Threshold: not Off })
        {
            // V in one stage, and next to nothing kept: whoever comes late finds it filled again.
            for (int seed = 1; seed < 3; seed++)
            {
                yield return new(RandomCases.Create(seed, shapes with { MostLogits = 600_000 }, new()
                {
                    Specification = specification,
                    Lengths = (190, 1787),
                    ColdShare = 0.98f,
                    HotEnds = true,
                    Locality = 0,
                    Scale = 0.5f,
                    Lambda = 4,
                    NonFinite = false,
                }), Ctas: 2, EverySchedule: true);
            }
        }
        yield return new(WithoutAnyLogit(RandomCases.Create(seed: 7, shapes, new() { Specification = specification, Lengths = (200, 300), Lambda = 2, NonFinite = false })), Ctas: 1);
        if (specification.HeadDim == CraftedCases.HeadDim && specification.Threshold != Off)
        {
            // Rows of a thread's two, in different warps.
            yield return new(TieCase.Create(specification, rows: 64, tying: 3, tiles: 7), Ctas: 1, Exact: true);
            yield return new(TieCase.Create(specification, rows: 64, tying: 29, tiles: 6), Ctas: 1, Exact: true);
        }
    }

    /// <summary>Every logit is −∞: all tiles are negligible but the first one that a decision falls on, which is kept whatever it holds.</summary>
    private static AttentionCase WithoutAnyLogit(AttentionCase attentionCase)
    {
        Fill(attentionCase.Query, 1);
        Fill(attentionCase.Key, float.NegativeInfinity);
        return attentionCase with { Name = $"without any logit, {attentionCase.Name}" };

        static void Fill(HostTensor tensor, float first)
        {
            for (int sequence = 0; sequence < tensor.Shape.Batch; sequence++)
            {
                for (int token = 0; token < tensor.Shape.Length; token++)
                {
                    for (int head = 0; head < tensor.Shape.Heads; head++)
                    {
                        tensor[sequence, token, head, 0] = first;
                    }
                }
            }
        }
    }
}
