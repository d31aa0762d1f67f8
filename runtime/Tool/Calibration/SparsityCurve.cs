namespace SkipSoftmax.Tool.Calibration;

/// <summary>What one prompt length of one layer skips over the threshold scale factor: λ times its tokens.</summary>
/// <param name="Tensors">Their name.</param>
/// <param name="Tokens">Of the prompt, or of the cache that decode steps read.</param>
/// <param name="Points">Natural logarithm of the factor, ascending, and skipped / visited tiles there.</param>
internal sealed record SparsityCurve(string Tensors, int Tokens, IReadOnlyList<(double LogFactor, double Sparsity)> Points)
{
    /// <summary>The factor at which this much is skipped, between the two measured ones around it; null where no measured one skips so much or so little.</summary>
    public double? FactorFor(double sparsity)
    {
        for (int index = 1; index < Points.Count; index++)
        {
            ((double lowFactor, double low), (double highFactor, double high)) = (Points[index - 1], Points[index]);
            if (low <= sparsity && sparsity <= high)
            {
                double share = high > low ? (sparsity - low) / (high - low) : 0;
                return Math.Exp(lowFactor + (share * (highFactor - lowFactor)));
            }
        }
        return null;
    }

    /// <summary>What this factor skips, between the two measured ones around it, and that of the last one beyond them.</summary>
    public double SparsityAt(double factor)
    {
        double logFactor = Math.Log(factor);
        for (int index = 1; index < Points.Count; index++)
        {
            ((double lowFactor, double low), (double highFactor, double high)) = (Points[index - 1], Points[index]);
            if (logFactor <= highFactor)
            {
                return low + ((high - low) * Math.Max(0, (logFactor - lowFactor) / (highFactor - lowFactor)));
            }
        }
        return Points[^1].Sparsity;
    }
}
