using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>One attention problem as plain data: what every backend is given and the reference is asked.</summary>
public sealed record AttentionCase
{
    /// <summary>What a failure is reported under; for a random case it holds the seed.</summary>
    public required string Name { get; init; }

    public required AttentionSpecification Specification { get; init; }

    public required HostTensor Query { get; init; }

    /// <summary>The keys token by token; where <see cref="Paging"/> is given, backends see them as pages.</summary>
    public required HostTensor Key { get; init; }

    public required HostTensor Value { get; init; }

    /// <summary>Null: packed.</summary>
    public TensorStrides? OutputStrides { get; init; }

    public int OutputOffset { get; init; }

    /// <summary>Null: every sequence is as long as the tensor.</summary>
    public int[]? QueryLengths { get; init; }

    public int[]? KeyLengths { get; init; }

    /// <summary>How keys and values are laid out as pages, for <see cref="KvLayout.Paged"/>; null: they aren't.</summary>
    public Paging? Paging { get; init; }

    public float Scale { get; init; } = 1;

    /// <summary>λ for <see cref="ThresholdMode.Fixed"/>, the scale factor for <see cref="ThresholdMode.ContextScaled"/> and <see cref="ThresholdMode.TargetSparsity"/>.</summary>
    public float ThresholdValue { get; init; }

    /// <summary>λ of each sequence for <see cref="ThresholdMode.PerSequence"/>.</summary>
    public float[]? SequenceThresholds { get; init; }

    public int Batch => Query.Shape.Batch;

    public int QueryHeads => Query.Shape.Heads;

    public int GroupSize => QueryHeads / Key.Shape.Heads;

    public int HeadDim => Query.Shape.HeadDim;

    /// <summary>Heads that decide by themselves.</summary>
    public int DecisionHeads => Specification.Phase == AttentionPhase.Decode ? Key.Shape.Heads : QueryHeads;

    public int QueryBlocks => Specification.Phase == AttentionPhase.Decode ? 1 : BlocksOf(Query.Shape.Length, Specification.QueryBlock);

    public int KeyBlocks => BlocksOf(Paging is null ? Key.Shape.Length : PagesPerSequence * Specification.PageSize, Specification.KeyBlock);

    /// <summary>Entries in a row of the block table, where keys and values are paged.</summary>
    public int PagesPerSequence => BlocksOf(Key.Shape.Length, Specification.PageSize) + Paging!.SpareEntries;

    /// <summary>Whether the sequences' lengths are passed: a block table may have room for more than the sequences' keys.</summary>
    public bool GivesKeyLengths => KeyLengths is not null || (Paging is not null && Key.Shape.Length != PagesPerSequence * Specification.PageSize);

    /// <summary>The threshold as a caller of the library writes it.</summary>
    public SkipThreshold Threshold => Specification.Threshold switch
    {
        ThresholdMode.Off => default,
        ThresholdMode.Fixed => SkipThreshold.Fixed(ThresholdValue),
        ThresholdMode.ContextScaled => SkipThreshold.ContextScaled(ThresholdValue),
        ThresholdMode.PerSequence => SkipThreshold.PerSequence(SequenceThresholds),
        ThresholdMode.TargetSparsity => SkipThreshold.TargetSparsity(0.5, new SparsityCalibration(ThresholdValue / Math.E, 2)),
        _ => throw new InvalidOperationException($"Threshold mode {Specification.Threshold} is not known."),
    };

    public int QueryLengthOf(int sequence) => QueryLengths?[sequence] ?? Query.Shape.Length;

    public int KeyLengthOf(int sequence) => KeyLengths?[sequence] ?? Key.Shape.Length;

    /// <summary>λ of a sequence; 0 skips nothing.</summary>
    public double LambdaOf(int sequence) => Specification.Threshold switch
    {
        ThresholdMode.Off => 0,
        ThresholdMode.Fixed => ThresholdValue,
        ThresholdMode.PerSequence => SequenceThresholds![sequence],
        _ => KeyLengthOf(sequence) == 0 ? 0 : (double)ThresholdValue / KeyLengthOf(sequence),
    };

    /// <summary>Position of a tile in the packed decisions <c>[batch, decision heads, query blocks, key blocks]</c>.</summary>
    public int TileIndex(int sequence, int head, int queryBlock, int keyBlock) =>
        (((((sequence * DecisionHeads) + head) * QueryBlocks) + queryBlock) * KeyBlocks) + keyBlock;

    /// <summary>Position of a row in the packed LSE <c>[batch, query heads, query length]</c>.</summary>
    public int RowIndex(int sequence, int head, int row) => (((sequence * QueryHeads) + head) * Query.Shape.Length) + row;

    public static int BlocksOf(int length, int block) => (length + block - 1) / block;
}
