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

    /// <summary>Every prefill of 16-bit elements.</summary>
    public static IEnumerable<AttentionRequest> EveryPrefillOnGpu() =>
        from headDim in DeclarationValues.HeadDims
        from queryBlock in DeclarationValues.Blocks
        from keyBlock in DeclarationValues.Blocks
        from element in new[] { ElementType.Float16, ElementType.BFloat16 }
        from mask in Enum.GetValues<AttentionMask>()
        from threshold in Enum.GetValues<ThresholdMode>()
        from order in Enum.GetValues<TileOrder>()
        from switches in Enumerable.Range(0, 8)
        select Default with
        {
            HeadDim = headDim,
            QueryBlock = queryBlock,
            KeyBlock = keyBlock,
            Element = element,
            Mask = mask,
            Threshold = threshold,
            Order = order,
            CountTiles = (switches & 1) != 0,
            RecordDecisions = (switches & 2) != 0,
            ReturnLse = (switches & 4) != 0,
        };
}
