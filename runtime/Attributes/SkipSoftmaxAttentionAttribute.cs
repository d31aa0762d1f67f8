using System;

namespace SkipSoftmax;

/// <summary>
/// Declares a partial method as an attention kernel that skips tiles of negligible softmax weight (BLASST, arXiv 2512.12087). The
/// generator writes the method's body and specializes GPU kernels by the values given here; everything else (batch, lengths, head
/// counts, strides, scale, λ) is an argument of the call and never recompiles.
/// </summary>
/// <remarks>
/// The method returns <c>void</c> and takes, in this order, <c>AttentionContext</c>, <c>in AttentionInputs</c>,
/// <c>AttentionOutput</c> and, unless <see cref="Threshold"/> is <see cref="ThresholdMode.Off"/>, <c>SkipThreshold</c>.
/// </remarks>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = false, Inherited = false)]
public sealed class SkipSoftmaxAttentionAttribute : Attribute
{
    /// <summary>Prefill (default) or decode.</summary>
    public AttentionPhase Phase { get; set; } = AttentionPhase.Prefill;

    /// <summary>Elements in a head's vector: 64, 96, 128, 192 or 256. Required. The CPU path takes all of them, a GPU target those it has variants for.</summary>
    public int HeadDim { get; set; }

    /// <summary>Query rows that decide together: 64 (default) or 128. For prefill: in decode all rows that share a key/value head decide together.</summary>
    public int QueryBlock { get; set; } = 64;

    /// <summary>Keys of one decision: 64 (default) or 128. Finer decisions skip more.</summary>
    public int KeyBlock { get; set; } = 64;

    /// <summary>Where λ comes from. Default: <see cref="ThresholdMode.ContextScaled"/>.</summary>
    public ThresholdMode Threshold { get; set; } = ThresholdMode.ContextScaled;

    /// <summary>Default: <see cref="AttentionMask.Causal"/>.</summary>
    public AttentionMask Mask { get; set; } = AttentionMask.Causal;

    /// <summary>Element type of all four tensors. Default: <see cref="ElementType.BFloat16"/>.</summary>
    public ElementType Element { get; set; } = ElementType.BFloat16;

    /// <summary>GPU architectures to emit kernels for. Default: <see cref="GpuTargets.None"/>, the CPU path only.</summary>
    public GpuTargets Targets { get; set; } = GpuTargets.None;

    /// <summary>Order in which key tiles are visited. Default: <see cref="TileOrder.Descending"/>. For prefill: decisions of decode depend on no order.</summary>
    public TileOrder Order { get; set; } = TileOrder.Descending;

    /// <summary>How keys and values lie in memory. Default: <see cref="KvLayout.Contiguous"/>. For decode.</summary>
    public KvLayout KvLayout { get; set; } = KvLayout.Contiguous;

    /// <summary>Tokens in a page: 16, 32, 64 or 128. Required for <see cref="KvLayout.Paged"/>, and only there.</summary>
    public int PageSize { get; set; }

    /// <summary>Query tokens of a sequence in one call at most, 1 (default) to 8: more than one for speculative tokens. For decode.</summary>
    public int MaxQueryLength { get; set; } = 1;

    /// <summary>Count visited and skipped tiles for each sequence and head (decode: key/value head) into <c>AttentionOutput.Counters</c>.</summary>
    public bool CountTiles { get; set; }

    /// <summary>Record the decision of every tile into <c>AttentionOutput.Decisions</c>. For analysis: it costs a store a tile.</summary>
    public bool RecordDecisions { get; set; }

    /// <summary>Write the log-sum-exp of each query row into <c>AttentionOutput.Lse</c>.</summary>
    public bool ReturnLse { get; set; }
}
