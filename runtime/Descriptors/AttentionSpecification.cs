namespace SkipSoftmax.Descriptors;

/// <summary>What a declaration fixed at compile time: the values of its <see cref="SkipSoftmaxAttentionAttribute"/>.</summary>
public sealed record AttentionSpecification
{
    /// <summary>Full name of the declared method, for messages and events.</summary>
    public required string Name { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.Phase"/>
    public required AttentionPhase Phase { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.HeadDim"/>
    public required int HeadDim { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.QueryBlock"/>
    public required int QueryBlock { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.KeyBlock"/>
    public required int KeyBlock { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.Threshold"/>
    public required ThresholdMode Threshold { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.Mask"/>
    public required AttentionMask Mask { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.Element"/>
    public required ElementType Element { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.Targets"/>
    public required GpuTargets Targets { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.Order"/>
    public required TileOrder Order { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.KvLayout"/>
    public KvLayout KvLayout { get; init; } = KvLayout.Contiguous;

    /// <summary>Tokens in a page; 0 for <see cref="KvLayout.Contiguous"/>.</summary>
    public int PageSize { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.MaxQueryLength"/>
    public int MaxQueryLength { get; init; } = 1;

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.CountTiles"/>
    public required bool CountTiles { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.RecordDecisions"/>
    public required bool RecordDecisions { get; init; }

    /// <inheritdoc cref="SkipSoftmaxAttentionAttribute.ReturnLse"/>
    public required bool ReturnLse { get; init; }
}
