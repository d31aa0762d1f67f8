using System.Runtime.InteropServices;
using SkipSoftmax;
using SkipSoftmax.Arguments;
using SkipSoftmax.Cpu;
using SkipSoftmax.Descriptors;

namespace Benchmarks;

/// <summary>
/// A batch of caches and one query token each. A share of the key blocks, never the first or last of a sequence, is scaled down so that λ = 0.01
/// skips them. Caches are contiguous <c>[batch, tokens, heads, head_dim]</c>, or pages of 64 tokens in random order.
/// </summary>
internal sealed class DecodeWorkload
{
    private const int Block = 64;

    private readonly int batch;
    private readonly int tokens;
    private readonly int heads;
    private readonly int group;
    private readonly int headDim;
    private readonly ElementType element;
    private readonly bool paged;
    private readonly float[] query;
    private readonly float[] output;
    private readonly int[] table;
    private readonly TileCounters[] counters;

    public DecodeWorkload(int batch, int tokens, int heads, int group, int headDim, ElementType element, bool paged, double coldShare, int seed)
    {
        (this.batch, this.tokens, this.heads, this.group, this.headDim, this.element, this.paged) = (batch, tokens, heads, group, headDim, element, paged);
        var random = new Random(seed);
        int elementsOfFloat = element == ElementType.Float32 ? 1 : 2;
        query = new float[batch * heads * group * headDim / elementsOfFloat];
        output = new float[query.Length];
        Key = new float[(long)batch * tokens * heads * headDim / elementsOfFloat];
        Value = new float[Key.Length];
        counters = new TileCounters[batch * heads];
        table = [.. Enumerable.Range(0, batch * tokens / Block)];
        random.Shuffle(table);

        // One block of normal numbers, repeated: the contents of the others don't matter, only that they are hot or cold.
        int tokenElements = heads * headDim;
        float[] normal = new float[Block * tokenElements];
        foreach (ref float value in normal.AsSpan())
        {
            value = MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle());
        }
        float[] hot = [.. normal.Select(value => value + 0.75f)], cold = [.. hot.Select(value => 0.02f * value)];
        Write(query, 0, hot.AsSpan(0, Math.Min(hot.Length, query.Length * elementsOfFloat)));
        int blocks = tokens / Block;
        for (int sequence = 0; sequence < batch; sequence++)
        {
            bool[] isCold = new bool[blocks - 2];
            isCold.AsSpan(0, (int)Math.Round(coldShare * blocks)).Fill(true);
            random.Shuffle(isCold);
            for (int block = 0; block < blocks; block++)
            {
                int logical = (sequence * blocks) + block;
                long at = (long)(paged ? table[logical] : logical) * normal.Length;
                Write(Key, at, block > 0 && block < blocks - 1 && isCold[block - 1] ? cold : hot);
                Write(Value, at, normal);
            }
        }
    }

    /// <summary>K's memory, whatever its element type.</summary>
    public float[] Key { get; }

    /// <summary>V's memory.</summary>
    public float[] Value { get; }

    /// <summary>Bytes of K and V.</summary>
    public double Bytes => 2.0 * Key.Length * sizeof(float);

    /// <summary>Of the last run that skipped.</summary>
    public double Sparsity => counters.Sum(head => (double)head.Skipped) / counters.Sum(head => (double)head.Visited);

    /// <summary>Runs the CPU path: dense for λ = null.</summary>
    public void Run(float? lambda, int threads)
    {
        var specification = new AttentionSpecification
        {
            Name = "Benchmarks.Decode",
            Phase = AttentionPhase.Decode,
            HeadDim = headDim,
            QueryBlock = 64,
            KeyBlock = Block,
            Threshold = lambda is null ? ThresholdMode.Off : ThresholdMode.Fixed,
            Mask = AttentionMask.Causal,
            Element = element,
            Targets = GpuTargets.None,
            Order = TileOrder.Descending,
            KvLayout = paged ? KvLayout.Paged : KvLayout.Contiguous,
            PageSize = paged ? Block : 0,
            CountTiles = lambda is not null,
            RecordDecisions = false,
            ReturnLse = false,
        };
        var queryShape = new TensorShape(batch, 1, heads * group, headDim);
        TensorShape keyShape = paged ? new(table.Length, Block, heads, headDim) : new(batch, tokens, heads, headDim);
        var problem = new AttentionProblem
        {
            Specification = specification,
            Query = View(query, queryShape),
            Key = View(Key, keyShape),
            Value = View(Value, keyShape),
            BlockTable = paged ? BlockTable.Host(table, batch, tokens / Block) : default,
            Output = element == ElementType.Float32
                ? OutputView.Host<float>(output, queryShape)
                : OutputView.Host<BFloat16>(MemoryMarshal.Cast<float, BFloat16>(output.AsSpan()), queryShape),
            Counters = lambda is null ? default : counters,
            Threshold = lambda is float value ? SkipThreshold.Fixed(value) : default,
            Scale = 1 / MathF.Sqrt(headDim),
        };
        CpuBackend.Run(in problem, threads);
    }

    private TensorView View(float[] memory, TensorShape shape) => element == ElementType.Float32
        ? TensorView.Host<float>(memory, shape)
        : TensorView.Host<BFloat16>(MemoryMarshal.Cast<float, BFloat16>(memory.AsSpan()), shape);

    private void Write(float[] memory, long element, ReadOnlySpan<float> values)
    {
        if (this.element == ElementType.Float32)
        {
            values.CopyTo(memory.AsSpan((int)element));
            return;
        }
        Span<BFloat16> destination = MemoryMarshal.Cast<float, BFloat16>(memory.AsSpan())[(int)element..];
        for (int i = 0; i < values.Length; i++)
        {
            destination[i] = (BFloat16)values[i];
        }
    }
}
