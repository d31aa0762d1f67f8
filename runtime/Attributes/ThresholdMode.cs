namespace SkipSoftmax;

/// <summary>
/// Where the skip threshold λ of a sequence comes from. A tile is skipped when <c>exp(tile maximum − running maximum) &lt; λ</c> for
/// every one of its rows. The mode is fixed at compile time; its value is an argument of each call and never recompiles.
/// </summary>
public enum ThresholdMode
{
    /// <summary>Exact dense attention; the kernel carries no trace of the test.</summary>
    Off = 0,

    /// <summary>One λ for all sequences: <c>SkipThreshold.Fixed</c>.</summary>
    Fixed = 1,

    /// <summary>λ = <c>threshold_scale_factor / key length</c> of each sequence, as TensorRT-LLM and FlashInfer define it.</summary>
    ContextScaled = 2,

    /// <summary>One λ for each sequence, read from memory at each launch (continuous batching, CUDA graphs).</summary>
    PerSequence = 3,

    /// <summary>λ = <c>a · exp(b · target sparsity) / key length</c>, with the coefficients of a calibrated model.</summary>
    TargetSparsity = 4,
}
