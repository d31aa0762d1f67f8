using SkipSoftmax;

namespace Consumer;

/// <summary>What a user of the package writes.</summary>
public static partial class ModelAttention
{
    /// <summary>With a Hopper kernel beside the CPU path.</summary>
    [SkipSoftmaxAttention(HeadDim = 64, Element = ElementType.Float16, Threshold = ThresholdMode.Fixed, Targets = GpuTargets.Sm90)]
    public static partial void Prefill(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    /// <summary>For the CPU path alone.</summary>
    [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, Element = ElementType.Float32, Threshold = ThresholdMode.Off)]
    public static partial void Decode(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);
}
