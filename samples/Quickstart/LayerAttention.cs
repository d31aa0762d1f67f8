namespace SkipSoftmax.Samples;

/// <summary>All a user writes: the generator fills in the bodies, a CPU path, and a CUDA kernel for Hopper.</summary>
public static partial class LayerAttention
{
    /// <summary>Attention that skips tiles whose softmax weight is below λ of what was seen before them.</summary>
    [SkipSoftmaxAttention(Phase = AttentionPhase.Prefill, HeadDim = 64, Mask = AttentionMask.Causal, Element = ElementType.Float16,
        Threshold = ThresholdMode.Fixed, Targets = GpuTargets.Sm90, CountTiles = true, RecordDecisions = true)]
    public static partial void Skipping(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    /// <summary>The same without the test: exact dense attention.</summary>
    [SkipSoftmaxAttention(Phase = AttentionPhase.Prefill, HeadDim = 64, Mask = AttentionMask.Causal, Element = ElementType.Float16,
        Threshold = ThresholdMode.Off, Targets = GpuTargets.Sm90)]
    public static partial void Dense(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);
}
