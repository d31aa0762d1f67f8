namespace SkipSoftmax.Samples;

/// <summary>All a user writes: attention of the prompt, and of one token at a time on a paged cache, which skips or is dense.</summary>
public static partial class TokenAttention
{
    /// <summary>Tokens in a page of the cache.</summary>
    public const int PageSize = 64;

    /// <summary>The prompt, dense.</summary>
    [SkipSoftmaxAttention(Phase = AttentionPhase.Prefill, HeadDim = 64, Element = ElementType.Float16, Threshold = ThresholdMode.Off)]
    public static partial void Prompt(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);

    /// <summary>One token, skipping tiles whose softmax weight is below λ of what the sink and the newest tile have.</summary>
    [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, Element = ElementType.Float16, KvLayout = KvLayout.Paged, PageSize = PageSize,
        Threshold = ThresholdMode.Fixed, CountTiles = true)]
    public static partial void Skipping(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    /// <summary>The same without the test: exact dense attention.</summary>
    [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, Element = ElementType.Float16, KvLayout = KvLayout.Paged, PageSize = PageSize,
        Threshold = ThresholdMode.Off)]
    public static partial void Dense(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);
}
