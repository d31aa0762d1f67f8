using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using static SkipSoftmax.AttentionMask;
using static SkipSoftmax.ThresholdMode;
using static SkipSoftmax.TileOrder;

namespace SkipSoftmax.Simulation;

/// <summary>What random cases are specialized by: each value of each attribute argument several times, in many combinations. Each costs a compilation.</summary>
internal static class SimulatedSpecifications
{
    public static IReadOnlyList<AttentionSpecification> All { get; } =
    [
        Specify(64, 64, 64, Fixed, AttentionMask.None, ElementType.Float16, Descending),
        Specify(64, 64, 64, ContextScaled, Causal, ElementType.BFloat16, SinkFirst),
        Specify(64, 64, 128, PerSequence, Causal, ElementType.Float16, Ascending),
        Specify(64, 128, 64, TargetSparsity, AttentionMask.None, ElementType.BFloat16, Descending),
        Specify(64, 128, 128, Fixed, Causal, ElementType.Float16, SinkFirst),
        Specify(64, 64, 64, Off, Causal, ElementType.BFloat16, Ascending),
        Specify(128, 64, 64, ContextScaled, Causal, ElementType.BFloat16, Descending),
        Specify(128, 64, 64, Fixed, AttentionMask.None, ElementType.Float16, SinkFirst),
        Specify(128, 64, 128, TargetSparsity, Causal, ElementType.Float16, Descending),
        Specify(128, 128, 64, PerSequence, Causal, ElementType.BFloat16, Descending),
        Specify(128, 128, 128, Fixed, AttentionMask.None, ElementType.BFloat16, Ascending),
        Specify(128, 64, 64, Off, AttentionMask.None, ElementType.Float16, Descending),
        Specify(192, 64, 64, Fixed, Causal, ElementType.BFloat16, SinkFirst),
        Specify(192, 128, 128, ContextScaled, AttentionMask.None, ElementType.Float16, Descending),
        Specify(192, 64, 128, Off, Causal, ElementType.BFloat16, Ascending),
        Specify(256, 64, 64, Fixed, Causal, ElementType.BFloat16, Descending),
        Specify(256, 64, 64, TargetSparsity, AttentionMask.None, ElementType.Float16, Ascending),
        Specify(256, 128, 64, PerSequence, AttentionMask.None, ElementType.Float16, SinkFirst),
        Specify(256, 64, 64, Off, Causal, ElementType.Float16, SinkFirst),
    ];

    private static AttentionSpecification Specify(
        int headDim, int queryBlock, int keyBlock, ThresholdMode threshold, AttentionMask mask, ElementType element, TileOrder order) =>
        CraftedCases.Specification with
        {
            HeadDim = headDim,
            QueryBlock = queryBlock,
            KeyBlock = keyBlock,
            Threshold = threshold,
            Mask = mask,
            Element = element,
            Order = order,
        };
}
