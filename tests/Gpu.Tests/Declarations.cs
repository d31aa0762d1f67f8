namespace SkipSoftmax.Gpu;

/// <summary>What is timed: as a user declares it.</summary>
internal static partial class Prefill
{
    [SkipSoftmaxAttention(HeadDim = 64, Mask = AttentionMask.Causal, Threshold = ThresholdMode.Off, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D64CausalOff(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);

    [SkipSoftmaxAttention(HeadDim = 64, Mask = AttentionMask.Causal, Threshold = ThresholdMode.Fixed, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D64CausalFixed(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    [SkipSoftmaxAttention(HeadDim = 128, Mask = AttentionMask.Causal, Threshold = ThresholdMode.Off, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D128CausalOff(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);

    [SkipSoftmaxAttention(HeadDim = 128, Mask = AttentionMask.Causal, Threshold = ThresholdMode.Fixed, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D128CausalFixed(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    [SkipSoftmaxAttention(HeadDim = 128, Mask = AttentionMask.Causal, Threshold = ThresholdMode.Fixed, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90, CountTiles = true)]
    internal static partial void D128CausalFixedCounted(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    [SkipSoftmaxAttention(HeadDim = 128, KeyBlock = 128, Mask = AttentionMask.Causal, Threshold = ThresholdMode.Fixed, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D128CausalFixedWide(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    [SkipSoftmaxAttention(HeadDim = 128, KeyBlock = 128, Mask = AttentionMask.Causal, Threshold = ThresholdMode.Fixed, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90, CountTiles = true)]
    internal static partial void D128CausalFixedWideCounted(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    [SkipSoftmaxAttention(HeadDim = 128, Mask = AttentionMask.None, Threshold = ThresholdMode.Off, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D128FullOff(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);

    [SkipSoftmaxAttention(HeadDim = 128, Mask = AttentionMask.None, Threshold = ThresholdMode.Fixed, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D128FullFixed(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    [SkipSoftmaxAttention(HeadDim = 256, Mask = AttentionMask.Causal, Threshold = ThresholdMode.Off, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D256CausalOff(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);

    [SkipSoftmaxAttention(HeadDim = 256, Mask = AttentionMask.Causal, Threshold = ThresholdMode.Fixed, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D256CausalFixed(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
}

/// <inheritdoc cref="Prefill"/>
internal static partial class Decode
{
    [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, Threshold = ThresholdMode.Off, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D64Off(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);

    [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 128, Threshold = ThresholdMode.Off, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D128Off(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);

    [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 128, Threshold = ThresholdMode.Fixed, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D128Fixed(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 128, Threshold = ThresholdMode.Fixed, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90, CountTiles = true)]
    internal static partial void D128FixedCounted(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 128, Threshold = ThresholdMode.Fixed, Element = ElementType.BFloat16, KvLayout = KvLayout.Paged, PageSize = 64, Targets = GpuTargets.Sm90)]
    internal static partial void D128FixedPaged(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 256, Threshold = ThresholdMode.Off, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
    internal static partial void D256Off(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);
}
