using System.Diagnostics;
using System.Numerics.Tensors;

namespace SkipSoftmax.Samples;

/// <summary>One layer's tensors with room for the answers of both kernels.</summary>
public sealed class LayerRun(AttentionContext context, AttentionTensors tensors)
{
    /// <summary>Query rows and keys of one decision: the declaration's default.</summary>
    private const int Block = 64;

    private readonly Half[] dense = new Half[tensors.Query.Length];
    private readonly Half[] skipping = new Half[tensors.Query.Length];
    private readonly TileCounters[] counters = new TileCounters[tensors.QueryShape.Heads];
    private readonly TileDecision[] decisions =
        new TileDecision[tensors.QueryShape.Heads * BlocksOf(tensors.QueryShape.Length) * BlocksOf(tensors.KeyShape.Length)];

    public AttentionTensors Tensors => tensors;

    /// <summary>Of the last skipping run, one for each query head.</summary>
    public ReadOnlySpan<TileCounters> Counters => counters;

    /// <summary>Of the last skipping run, <c>[query heads, query blocks, key blocks]</c>.</summary>
    public ReadOnlySpan<TileDecision> Decisions => decisions;

    public int QueryBlocks => BlocksOf(tensors.QueryShape.Length);

    public int KeyBlocks => BlocksOf(tensors.KeyShape.Length);

    /// <summary>Skipped / visited tiles of all heads, in the last skipping run.</summary>
    public double Sparsity => counters.Sum(head => (double)head.Skipped) / counters.Sum(head => (double)head.Visited);

    /// <summary>‖skipping − dense‖ / ‖dense‖ of the last runs.</summary>
    public double Error
    {
        get
        {
            float[] exact = ToSingle(dense);
            return TensorPrimitives.Distance<float>(ToSingle(skipping), exact) / TensorPrimitives.Norm<float>(exact);
        }
    }

    /// <summary>Runs the dense kernel once; returns what it took.</summary>
    public TimeSpan RunDense()
    {
        long start = Stopwatch.GetTimestamp();
        LayerAttention.Dense(context, Inputs(), new AttentionOutput(OutputView.Host<Half>(dense, tensors.QueryShape)));
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Runs the skipping kernel once; returns what it took.</summary>
    public TimeSpan RunSkipping(float lambda)
    {
        AttentionOutput output = new(OutputView.Host<Half>(skipping, tensors.QueryShape)) { Counters = counters, Decisions = decisions };
        long start = Stopwatch.GetTimestamp();
        LayerAttention.Skipping(context, Inputs(), output, SkipThreshold.Fixed(lambda));
        return Stopwatch.GetElapsedTime(start);
    }

    private AttentionInputs Inputs() => new(
        TensorView.Host<Half>(tensors.Query, tensors.QueryShape),
        TensorView.Host<Half>(tensors.Key, tensors.KeyShape),
        TensorView.Host<Half>(tensors.Value, tensors.KeyShape))
    {
        Scale = AttentionTensors.Scale,
    };

    private static int BlocksOf(int length) => (length + Block - 1) / Block;

    private static float[] ToSingle(Half[] values)
    {
        float[] converted = new float[values.Length];
        TensorPrimitives.ConvertToSingle(values, converted);
        return converted;
    }
}
