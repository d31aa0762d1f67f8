namespace SkipSoftmax.Tool.Calibration;

/// <summary>How well the formula could hold at all, whatever the coefficients: at one target it gives every layer and length one factor.</summary>
/// <param name="Tensors">Names of those it is asked for.</param>
/// <param name="BestFactor">The factor whose worst length is least off.</param>
/// <param name="WorstOff">By how much that is off, as a share of tiles.</param>
/// <param name="LengthExponent">λ that hits the target goes with tokens to this power, where the formula has −1; null for less than two lengths that hit it.</param>
internal sealed record FormulaLimit(string Tensors, double BestFactor, double WorstOff, double? LengthExponent)
{
    private const int Candidates = 2000;

    public static FormulaLimit Of(string tensors, IReadOnlyList<SparsityCurve> curves, double target)
    {
        double low = curves.Min(curve => curve.Points[0].LogFactor), high = curves.Max(curve => curve.Points[^1].LogFactor);
        (double factor, double off) = Enumerable.Range(0, Candidates + 1)
            .Select(step => Math.Exp(low + ((high - low) * step / Candidates)))
            .Select(candidate => (candidate, curves.Max(curve => Math.Abs(curve.SparsityAt(candidate) - target))))
            .MinBy(candidate => candidate.Item2);
        return new(tensors, factor, off, ExponentOf(curves, target));
    }

    private static double? ExponentOf(IReadOnlyList<SparsityCurve> curves, double target)
    {
        (double LogTokens, double LogLambda)[] hits =
        [
            .. curves.Where(curve => curve.FactorFor(target) is not null).Select(curve => (Math.Log(curve.Tokens), Math.Log(curve.FactorFor(target)!.Value / curve.Tokens))),
        ];
        if (hits.Select(hit => hit.LogTokens).Distinct().Count() < 2)
        {
            return null;
        }
        (double tokens, double lambda) = (hits.Average(hit => hit.LogTokens), hits.Average(hit => hit.LogLambda));
        return hits.Sum(hit => (hit.LogTokens - tokens) * (hit.LogLambda - lambda)) / hits.Sum(hit => (hit.LogTokens - tokens) * (hit.LogTokens - tokens));
    }
}
