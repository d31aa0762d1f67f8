using System.Diagnostics;
using SkipSoftmax.Tensors;
using SkipSoftmax.Tool.Tensors;

namespace SkipSoftmax.Tool.Measurement;

/// <summary>One λ of one way to decide, on one layer.</summary>
/// <param name="Tensors">Their name.</param>
/// <param name="Shape">How it decides.</param>
/// <param name="Lambda">λ.</param>
/// <param name="Sparsity">Skipped / visited tiles.</param>
/// <param name="SparsityByHead">The same for each head that decides by itself.</param>
/// <param name="Error">‖skipping − dense‖ / ‖dense‖.</param>
/// <param name="Milliseconds">Best of the rounds.</param>
/// <param name="DenseMilliseconds">Of dense attention in the same rounds.</param>
internal sealed record SweepPoint(
    string Tensors, DecisionShape Shape, float Lambda, double Sparsity, double[] SparsityByHead, double Error, double Milliseconds, double DenseMilliseconds)
{
    /// <summary>Dense / skipping.</summary>
    public double SpeedUp => DenseMilliseconds / Milliseconds;
}

/// <summary>Sparsity, error and time of one way to decide over λ.</summary>
internal static class Sweep
{
    /// <summary>Until the JIT has settled, or a kernel is loaded and the clocks are up.</summary>
    private static readonly TimeSpan warmUp = TimeSpan.FromSeconds(0.5);

    /// <param name="problem">Whose answers are compared.</param>
    /// <param name="name">Of its tensors.</param>
    /// <param name="shape">How it decides.</param>
    /// <param name="dense">Of the same shape, without the test.</param>
    /// <param name="skipping">Takes a fixed λ.</param>
    /// <param name="rounds">Each runs dense and every λ in turn, so that a slow spell of the machine meets all of them.</param>
    /// <param name="decided">Called with each λ and the problem that holds its decisions.</param>
    /// <param name="step">Called after each round.</param>
    public static SweepPoint[] Run(
        LayerProblem problem, string name, DecisionShape shape, DeclaredAttention dense, DeclaredAttention skipping, AttentionContext context,
        float[] lambdas, int rounds, Action<int> decided, Action step)
    {
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < warmUp;)
        {
            problem.RunDense(dense, context);
            problem.RunSkipping(skipping, context, SkipThreshold.Fixed(lambdas[^1]));
        }
        double denseTime = double.PositiveInfinity;
        double[] times = [.. lambdas.Select(_ => double.PositiveInfinity)];
        for (int round = 0; round < rounds; round++)
        {
            denseTime = Math.Min(denseTime, problem.RunDense(dense, context).TotalMilliseconds);
            for (int index = 0; index < lambdas.Length; index++)
            {
                times[index] = Math.Min(times[index], problem.RunSkipping(skipping, context, SkipThreshold.Fixed(lambdas[index])).TotalMilliseconds);
            }
            step();
        }
        problem.RunDense(dense, context);
        TensorData exact = problem.TakeOutput();
        SweepPoint[] points = new SweepPoint[lambdas.Length];
        for (int index = 0; index < lambdas.Length; index++)
        {
            problem.RunSkipping(skipping, context, SkipThreshold.Fixed(lambdas[index]));
            points[index] = new(name, shape, lambdas[index], problem.Sparsity, problem.SparsityByHead, problem.Output.DistanceTo(exact), times[index], denseTime);
            decided(index);
        }
        return points;
    }
}
