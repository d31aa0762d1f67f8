namespace SkipSoftmax;

/// <summary>Coefficients of a calibrated model: <c>threshold_scale_factor = A · exp(B · target sparsity)</c>, as Model Optimizer writes
/// them into <c>config.json</c> under <c>sparse_attention_config</c>.</summary>
/// <param name="A">Scale, &gt; 0.</param>
/// <param name="B">Exponent, finite.</param>
public readonly record struct SparsityCalibration(double A, double B);

/// <summary>
/// The skip threshold of one call, in the form the declaration's <see cref="ThresholdMode"/> asks for. λ is in linear units: a tile is
/// skipped when <c>exp(tile maximum − running maximum) &lt; λ</c> for all its rows; 0 never skips, above 1 is legal but unsafe for accuracy.
/// </summary>
public readonly ref struct SkipThreshold
{
    private SkipThreshold(ThresholdMode mode, float value, InputBuffer<float> perSequence = default)
    {
        Mode = mode;
        Value = value;
        PerSequenceValues = perSequence;
    }

    /// <summary>The mode this value belongs to.</summary>
    public ThresholdMode Mode { get; }

    /// <summary>λ for <see cref="ThresholdMode.Fixed"/>; <c>threshold_scale_factor</c> for <see cref="ThresholdMode.ContextScaled"/> and
    /// <see cref="ThresholdMode.TargetSparsity"/>; 0 otherwise.</summary>
    public float Value { get; }

    /// <summary>λ of each sequence, <c>[batch]</c>, for <see cref="ThresholdMode.PerSequence"/>.</summary>
    public InputBuffer<float> PerSequenceValues { get; }

    /// <summary>One λ for every sequence.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="lambda"/> is negative, NaN or infinite.</exception>
    public static SkipThreshold Fixed(float lambda) => new(ThresholdMode.Fixed, RequireThreshold(lambda, nameof(lambda)));

    /// <summary>λ = <paramref name="thresholdScaleFactor"/> / key length of each sequence.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The factor is negative, NaN or infinite.</exception>
    public static SkipThreshold ContextScaled(float thresholdScaleFactor) =>
        new(ThresholdMode.ContextScaled, RequireThreshold(thresholdScaleFactor, nameof(thresholdScaleFactor)));

    /// <summary>One λ for each sequence, <c>[batch]</c>, in host or device memory. Device values are read at each launch or graph replay;
    /// a NaN or negative one there skips nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A host value is negative, NaN or infinite.</exception>
    public static SkipThreshold PerSequence(InputBuffer<float> lambdas)
    {
        foreach (float lambda in lambdas.HostValues)
        {
            RequireThreshold(lambda, nameof(lambdas));
        }
        return new(ThresholdMode.PerSequence, 0, lambdas);
    }

    /// <summary>λ = <c>A · exp(B · target) / key length</c>. Prefill and decode have calibrations of their own.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="target"/> is outside [0, 1), or the calibration gives no finite factor ≥ 0.</exception>
    public static SkipThreshold TargetSparsity(double target, SparsityCalibration calibration)
    {
        if (!(target >= 0 && target < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(target), target, "The target sparsity is a share of tiles: pass a value from 0 up to, but not including, 1.");
        }
        float factor = (float)(calibration.A * Math.Exp(calibration.B * target));
        if (!(factor >= 0 && float.IsFinite(factor)))
        {
            throw new ArgumentOutOfRangeException(nameof(calibration), calibration,
                $"A · exp(B · target) = {factor} is not a finite threshold scale factor ≥ 0: pass the coefficients that calibration wrote.");
        }
        return new(ThresholdMode.TargetSparsity, factor);
    }

    private static float RequireThreshold(float value, string name) =>
        value >= 0 && float.IsFinite(value)
            ? value
            : throw new ArgumentOutOfRangeException(name, value, "A skip threshold is a finite number ≥ 0: pass 0 to skip nothing.");
}
