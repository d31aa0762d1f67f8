namespace SkipSoftmax.Tool.Calibration;

/// <summary>Fits <c>factor = a · exp(b · sparsity)</c>, the form that Model Optimizer and TensorRT-LLM have, to measured curves.</summary>
internal static class ThresholdFit
{
    /// <summary>Below and above, a curve bends: tiles that nothing keeps or nothing skips.</summary>
    private const double Least = 0.1, Most = 0.9;

    /// <summary>
    /// A least-squares line of sparsity over ln factor, each curve weighing the same: what is to be right is the sparsity that a factor gives. The line is
    /// then read the other way, ln factor = ln a + b · sparsity.
    /// </summary>
    /// <returns>Null where no curve has points between 10 and 90 %, or they do not rise.</returns>
    public static SparsityCalibration? Fit(IEnumerable<SparsityCurve> curves)
    {
        double weight = 0, factors = 0, sparsities = 0, squares = 0, products = 0;
        foreach (SparsityCurve curve in curves)
        {
            (double LogFactor, double Sparsity)[] points = [.. curve.Points.Where(point => point.Sparsity is >= Least and <= Most)];
            foreach ((double logFactor, double sparsity) in points)
            {
                double share = 1.0 / points.Length;
                weight += share;
                factors += share * logFactor;
                sparsities += share * sparsity;
                squares += share * logFactor * logFactor;
                products += share * logFactor * sparsity;
            }
        }
        double slope = ((weight * products) - (factors * sparsities)) / ((weight * squares) - (factors * factors));
        return slope > 0 && double.IsFinite(slope) ? new(Math.Exp((factors - (sparsities / slope)) / weight), 1 / slope) : null;
    }
}
