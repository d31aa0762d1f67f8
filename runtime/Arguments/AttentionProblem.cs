using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Arguments;

/// <summary>The arguments of one call after validation: consistent with each other and with the declaration. What backends take.</summary>
internal readonly ref struct AttentionProblem
{
    public required AttentionSpecification Specification { get; init; }

    public required TensorView Query { get; init; }

    /// <summary>For <see cref="KvLayout.Paged"/> the pool: its batch dimension are the pages, its length is the page size.</summary>
    public required TensorView Key { get; init; }

    public required TensorView Value { get; init; }

    /// <summary>Empty unless the declaration has <see cref="KvLayout.Paged"/>.</summary>
    public BlockTable BlockTable { get; init; }

    public required OutputView Output { get; init; }

    /// <summary>Empty unless the declaration has <c>ReturnLse</c>.</summary>
    public OutputBuffer<float> Lse { get; init; }

    /// <summary>Empty unless the declaration has <c>CountTiles</c>.</summary>
    public OutputBuffer<TileCounters> Counters { get; init; }

    /// <summary>Empty unless the declaration has <c>RecordDecisions</c>.</summary>
    public OutputBuffer<TileDecision> Decisions { get; init; }

    /// <summary>Empty unless given, in decode.</summary>
    public OutputBuffer<DecodeStatus> Status { get; init; }

    /// <summary>Empty: every sequence has <c>Query.Shape.Length</c>.</summary>
    public InputBuffer<int> QueryLengths { get; init; }

    /// <summary>Empty: every sequence has <see cref="KeyCapacity"/>.</summary>
    public InputBuffer<int> KeyLengths { get; init; }

    /// <summary>Of the declaration's mode; ignored for <see cref="ThresholdMode.Off"/>.</summary>
    public SkipThreshold Threshold { get; init; }

    /// <summary>Resolved: finite and &gt; 0.</summary>
    public required float Scale { get; init; }

    public nint Stream { get; init; }

    public int Batch => Query.Shape.Batch;

    public int QueryHeads => Query.Shape.Heads;

    public int KeyValueHeads => Key.Shape.Heads;

    public int HeadDim => Query.Shape.HeadDim;

    /// <summary>Query heads that share a key/value head.</summary>
    public int GroupSize => QueryHeads / KeyValueHeads;

    /// <summary>Key tokens a sequence has room for.</summary>
    public int KeyCapacity => BlockTable.IsEmpty ? Key.Shape.Length : BlockTable.PagesPerSequence * Key.Shape.Length;

    /// <summary>Heads that decide by themselves: query heads, or in decode key/value heads, whose V all their query heads read.</summary>
    public int DecisionHeads => Specification.Phase == AttentionPhase.Decode ? KeyValueHeads : QueryHeads;

    /// <summary>Row blocks that decide by themselves.</summary>
    public int QueryBlocks => Specification.Phase == AttentionPhase.Decode ? 1 : BlocksOf(Query.Shape.Length, Specification.QueryBlock);

    public int KeyBlocks => BlocksOf(KeyCapacity, Specification.KeyBlock);

    public static int BlocksOf(int length, int block) => (int)(((long)length + block - 1) / block);

    /// <summary>Host lengths only.</summary>
    public int QueryLengthOf(int sequence) => QueryLengths.IsEmpty ? Query.Shape.Length : QueryLengths.HostValues[sequence];

    /// <summary>Host lengths only.</summary>
    public int KeyLengthOf(int sequence) => KeyLengths.IsEmpty ? KeyCapacity : KeyLengths.HostValues[sequence];

    /// <summary>ln λ of a sequence (−∞ for λ = 0: nothing is skipped). Host thresholds only.</summary>
    public float LogThresholdOf(int sequence) => (float)Math.Log(Specification.Threshold switch
    {
        ThresholdMode.Off => 0.0,
        ThresholdMode.Fixed => Threshold.Value,
        ThresholdMode.PerSequence => Threshold.PerSequenceValues.HostValues[sequence],
        ThresholdMode.ContextScaled or ThresholdMode.TargetSparsity =>
            KeyLengthOf(sequence) == 0 ? 0.0 : Threshold.Value / (double)KeyLengthOf(sequence),
        _ => throw new InvalidOperationException($"Threshold mode {Specification.Threshold} is not known."),
    });
}
