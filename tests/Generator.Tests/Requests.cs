using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Tests;

internal static class Requests
{
    /// <summary>What <c>[SkipSoftmaxAttention(HeadDim = 128, Targets = GpuTargets.Sm90)]</c> asks for.</summary>
    public static AttentionRequest Default { get; } = new()
    {
        Phase = AttentionPhase.Prefill,
        HeadDim = 128,
        QueryBlock = 64,
        KeyBlock = 64,
        Threshold = ThresholdMode.ContextScaled,
        Mask = AttentionMask.Causal,
        Element = ElementType.BFloat16,
        Targets = GpuTargets.Sm90,
        Order = TileOrder.Descending,
        KvLayout = KvLayout.Contiguous,
        PageSize = 0,
        MaxQueryLength = 1,
        CountTiles = false,
        RecordDecisions = false,
        ReturnLse = false,
    };
}
