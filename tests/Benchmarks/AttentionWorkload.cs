using SkipSoftmax;
using SkipSoftmax.Arguments;
using SkipSoftmax.Cpu;
using SkipSoftmax.Descriptors;

namespace Benchmarks;

/// <summary>
/// Tensors of one sequence, packed <c>[1, tokens, heads, head_dim]</c>: query and key are normal with mean 0.75, value is normal, and a
/// share of the key blocks is scaled by 0.05, so that λ = 0.01 skips about that share of the tiles.
/// </summary>
internal sealed class AttentionWorkload
{
    private const int ColdBlock = 128;

    public AttentionWorkload(int tokens, int heads, int headDim, double coldShare, int seed)
    {
        (Tokens, Heads, HeadDim) = (tokens, heads, headDim);
        var random = new Random(seed);
        int blocks = AttentionProblem.BlocksOf(tokens, ColdBlock);
        bool[] cold = new bool[blocks];
        cold.AsSpan(0, (int)Math.Round(coldShare * blocks)).Fill(true);
        random.Shuffle(cold);
        Query = Normal(random, 0.75f);
        Key = Normal(random, 0.75f);
        Value = Normal(random, 0);
        int tokenFloats = heads * headDim;
        for (int token = 0; token < tokens; token++)
        {
            if (cold[token / ColdBlock])
            {
                foreach (ref float value in Key.AsSpan(token * tokenFloats, tokenFloats))
                {
                    value *= 0.05f;
                }
            }
        }
        Output = new float[Query.Length];
        Counters = new TileCounters[heads];
    }

    public int Tokens { get; }

    public int Heads { get; }

    public int HeadDim { get; }

    public float[] Query { get; }

    public float[] Key { get; }

    public float[] Value { get; }

    /// <summary>What the last run of the CPU path wrote.</summary>
    public float[] Output { get; }

    /// <summary>Of the last run that skipped.</summary>
    public TileCounters[] Counters { get; }

    /// <summary>Share of the visited tiles that the last run with a threshold skipped.</summary>
    public double Sparsity => Counters.Sum(head => (double)head.Skipped) / Counters.Sum(head => (double)head.Visited);

    /// <summary>Multiplications and additions of a dense run.</summary>
    public double Flops(bool causal) => 4.0 * Tokens * Tokens * HeadDim * Heads / (causal ? 2 : 1);

    /// <summary>Runs the CPU path: dense for λ = null.</summary>
    public void Run(bool causal, float? lambda, int threads)
    {
        var specification = new AttentionSpecification
        {
            Name = "Benchmarks.Prefill",
            Phase = AttentionPhase.Prefill,
            HeadDim = HeadDim,
            QueryBlock = 64,
            KeyBlock = 64,
            Threshold = lambda is null ? ThresholdMode.Off : ThresholdMode.Fixed,
            Mask = causal ? AttentionMask.Causal : AttentionMask.None,
            Element = ElementType.Float32,
            Targets = GpuTargets.None,
            Order = TileOrder.Descending,
            CountTiles = lambda is not null,
            RecordDecisions = false,
            ReturnLse = false,
        };
        var shape = new TensorShape(1, Tokens, Heads, HeadDim);
        var problem = new AttentionProblem
        {
            Specification = specification,
            Query = TensorView.Host<float>(Query, shape),
            Key = TensorView.Host<float>(Key, shape),
            Value = TensorView.Host<float>(Value, shape),
            Output = OutputView.Host<float>(Output, shape),
            Counters = lambda is null ? default : Counters,
            Threshold = lambda is float value ? SkipThreshold.Fixed(value) : default,
            Scale = 1 / MathF.Sqrt(HeadDim),
        };
        CpuBackend.Run(in problem, threads);
    }

    private float[] Normal(Random random, float mean)
    {
        float[] values = new float[Tokens * Heads * HeadDim];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = mean + (MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle()));
        }
        return values;
    }
}
