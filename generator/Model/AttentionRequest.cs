namespace SkipSoftmax.Generator.Model;

/// <summary>What a declaration fixes at compile time: the values of its attribute, validated.</summary>
internal sealed record AttentionRequest
{
    public required AttentionPhase Phase { get; init; }

    public required int HeadDim { get; init; }

    public required int QueryBlock { get; init; }

    public required int KeyBlock { get; init; }

    public required ThresholdMode Threshold { get; init; }

    public required AttentionMask Mask { get; init; }

    public required ElementType Element { get; init; }

    public required GpuTargets Targets { get; init; }

    public required TileOrder Order { get; init; }

    public KvLayout KvLayout { get; init; } = KvLayout.Contiguous;

    /// <summary>0 for <see cref="KvLayout.Contiguous"/>.</summary>
    public int PageSize { get; init; }

    public int MaxQueryLength { get; init; } = 1;

    public required bool CountTiles { get; init; }

    public required bool RecordDecisions { get; init; }

    public required bool ReturnLse { get; init; }
}
