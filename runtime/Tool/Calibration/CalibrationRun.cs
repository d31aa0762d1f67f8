using SkipSoftmax.Tool.Measurement;
using SkipSoftmax.Tool.Tensors;

namespace SkipSoftmax.Tool.Calibration;

/// <summary>How a calibration did on a length of tensors.</summary>
/// <param name="Phase">Of the coefficients.</param>
/// <param name="Tensors">Their name.</param>
/// <param name="Tokens">The length.</param>
/// <param name="Achieved">Skipped / visited tiles at the target's threshold.</param>
/// <param name="Factor">The threshold scale factor that the coefficients gave for the target.</param>
/// <param name="FactorNeeded">The one that would have hit the target; null where none up to λ = 1 does.</param>
internal sealed record CalibrationCheck(AttentionPhase Phase, string Tensors, int Tokens, double Achieved, double Factor, double? FactorNeeded);

/// <summary>One phase of a calibration: measures curves, and runs coefficients on lengths.</summary>
internal sealed class CalibrationRun(AttentionContext context, DecisionShape shape, DeclaredAttention atLambda, DeclaredAttention atTarget)
{
    /// <summary>λ from 1e-6 to 1, four a decade. Above 1, λ skips tiles that raise the maximum.</summary>
    private static readonly float[] lambdas = [.. Enumerable.Range(0, 25).Select(step => (float)Math.Pow(10, (step / 4.0) - 6))];

    /// <summary>Steps of progress that a layer's curves take.</summary>
    public static int StepsOf(AttentionPhase phase, int lengths) => phase == AttentionPhase.Decode ? lambdas.Length * lengths : lambdas.Length;

    /// <summary>The curve of each length. A causal prompt's decisions are those of its longer prompt's first rows, so that one run gives all lengths of prefill.</summary>
    /// <param name="problem">Makes the problem of a length.</param>
    public SparsityCurve[] Measure(LayerTensors layer, int[] lengths, Func<int, LayerProblem> problem, Action step)
    {
        if (shape.Phase == AttentionPhase.Decode)
        {
            return [.. lengths.Select(tokens =>
            {
                LayerProblem steps = problem(tokens);
                return CurveOf(layer, tokens, [.. lambdas.Select(lambda => Run(steps, lambda, step))]);
            })];
        }
        LayerProblem prompt = problem(lengths.Max());
        double[][] sparsities = [.. lambdas.Select(lambda =>
        {
            Run(prompt, lambda, step);
            return lengths.Select(tokens => prompt.SparsityOfPrefix(LayerProblem.BlocksOf(tokens, shape.QueryBlock))).ToArray();
        })];
        return [.. lengths.Select((tokens, index) => CurveOf(layer, tokens, [.. sparsities.Select(ofLambda => ofLambda[index])]))];
    }

    /// <summary>Runs the coefficients as an application does, and reports what came of it.</summary>
    public CalibrationCheck Check(SparsityCalibration calibration, double target, SparsityCurve curve, LayerProblem problem)
    {
        problem.RunSkipping(atTarget, context, SkipThreshold.TargetSparsity(target, calibration));
        return new(shape.Phase, curve.Tensors, curve.Tokens, problem.Sparsity, calibration.A * Math.Exp(calibration.B * target), curve.FactorFor(target));
    }

    private double Run(LayerProblem problem, float lambda, Action step)
    {
        problem.RunSkipping(atLambda, context, SkipThreshold.Fixed(lambda));
        step();
        return problem.Sparsity;
    }

    private static SparsityCurve CurveOf(LayerTensors layer, int tokens, double[] sparsities) =>
        new(layer.Name, tokens, [.. lambdas.Zip(sparsities, (lambda, sparsity) => (Math.Log(lambda * tokens), sparsity))]);
}
