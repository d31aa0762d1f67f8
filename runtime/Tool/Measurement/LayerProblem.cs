using System.Diagnostics;
using SkipSoftmax.Tensors;
using SkipSoftmax.Tool.Tensors;

namespace SkipSoftmax.Tool.Measurement;

/// <summary>The first tokens of a layer as a prompt, or their last positions as decode steps, with room for the answers.</summary>
internal sealed class LayerProblem
{
    private readonly LayerTensors tensors;
    private readonly TensorShape queryShape, keyShape;
    private readonly int firstQuery;
    private readonly float? scale;
    private readonly int[]? keyLengths;
    private readonly TileCounters[] counters;

    private LayerProblem(LayerTensors tensors, DecisionShape shape, TensorShape queryShape, TensorShape keyShape, int firstQuery, float? scale)
    {
        this.tensors = tensors;
        this.queryShape = queryShape;
        this.keyShape = keyShape;
        this.firstQuery = firstQuery;
        this.scale = scale;
        bool decode = shape.Phase == AttentionPhase.Decode;
        keyLengths = decode ? [.. Enumerable.Range(firstQuery + 1, queryShape.Batch)] : null;
        DecisionHeads = decode ? keyShape.Heads : queryShape.Heads;
        QueryBlocks = decode ? 1 : BlocksOf(queryShape.Length, shape.QueryBlock);
        KeyBlocks = BlocksOf(keyShape.Length, shape.KeyBlock);
        counters = new TileCounters[queryShape.Batch * DecisionHeads];
        Decisions = new TileDecision[counters.Length * QueryBlocks * KeyBlocks];
        Output = TensorViews.Allocate(tensors.Element, queryShape);
    }

    /// <summary>Heads that decide by themselves.</summary>
    public int DecisionHeads { get; }

    public int QueryBlocks { get; }

    public int KeyBlocks { get; }

    /// <summary>Of the last run that skips: <c>[sequences, heads, query blocks, key blocks]</c>.</summary>
    public TileDecision[] Decisions { get; }

    /// <summary>Of the last run.</summary>
    public TensorData Output { get; private set; }

    /// <summary>The first <paramref name="tokens"/> tokens as a prompt.</summary>
    public static LayerProblem Prefill(LayerTensors tensors, DecisionShape shape, int tokens, float? scale) =>
        new(tensors, shape, tensors.QueryShape with { Length = tokens }, tensors.KeyShape with { Length = tokens }, 0, scale);

    /// <summary>The last <paramref name="steps"/> of the first <paramref name="tokens"/> positions, each as a sequence of its own whose newest key it is.</summary>
    public static LayerProblem Decode(LayerTensors tensors, DecisionShape shape, int tokens, int steps, float? scale)
    {
        int sequences = Math.Min(steps, tokens);
        return new(tensors, shape, tensors.QueryShape with { Batch = sequences, Length = 1 }, tensors.KeyShape with { Batch = sequences, Length = tokens }, tokens - sequences, scale);
    }

    /// <summary>Runs dense attention; returns what it took.</summary>
    public TimeSpan RunDense(DeclaredAttention attention, AttentionContext context) => Run(attention, context, new(Output.OutputView(queryShape)), default);

    /// <summary>Runs attention that skips; returns what it took.</summary>
    public TimeSpan RunSkipping(DeclaredAttention attention, AttentionContext context, SkipThreshold threshold) =>
        Run(attention, context, new(Output.OutputView(queryShape)) { Counters = counters, Decisions = Decisions }, threshold);

    /// <summary>The last run's output, kept; the next one writes elsewhere.</summary>
    public TensorData TakeOutput()
    {
        TensorData taken = Output;
        Output = TensorViews.Allocate(tensors.Element, queryShape);
        return taken;
    }

    /// <summary>Skipped / visited of all heads, in the last run that skips.</summary>
    public double Sparsity => SparsityOf(counters);

    /// <summary>The same for each head that decides by itself.</summary>
    public double[] SparsityByHead => [.. Enumerable.Range(0, DecisionHeads).Select(head => SparsityOf(counters.Where((_, index) => index % DecisionHeads == head)))];

    /// <summary>Skipped / visited of the first so many query blocks: in a causal prompt, what that shorter prompt skips at the same λ.</summary>
    public double SparsityOfPrefix(int queryBlocks)
    {
        long visited = 0, skipped = 0;
        for (int head = 0; head < DecisionHeads; head++)
        {
            foreach (TileDecision decision in Decisions.AsSpan(head * QueryBlocks * KeyBlocks, queryBlocks * KeyBlocks))
            {
                visited += decision == TileDecision.NotVisited ? 0 : 1;
                skipped += decision == TileDecision.Skipped ? 1 : 0;
            }
        }
        return (double)skipped / visited;
    }

    public static int BlocksOf(int length, int block) => (length + block - 1) / block;

    private TimeSpan Run(DeclaredAttention attention, AttentionContext context, AttentionOutput output, SkipThreshold threshold)
    {
        bool decode = keyLengths is not null;
        TensorStrides query = tensors.StridesOf(tensors.QueryShape), key = tensors.StridesOf(tensors.KeyShape);
        // Steps of decode read one memory: each sequence is the one before it and a token more.
        TensorStrides queryStrides = decode ? query with { Batch = query.Length } : query, keyStrides = decode ? key with { Batch = 0 } : key;
        AttentionInputs inputs = new(
            tensors.Query.View(queryShape, queryStrides, firstQuery * query.Length),
            tensors.Key.View(keyShape, keyStrides),
            tensors.Value.View(keyShape, keyStrides))
        {
            Scale = scale,
            KeyLengths = keyLengths,
        };
        long start = Stopwatch.GetTimestamp();
        attention.Run(context, in inputs, output, threshold);
        return Stopwatch.GetElapsedTime(start);
    }

    private static double SparsityOf(IEnumerable<TileCounters> of)
    {
        ulong visited = 0, skipped = 0;
        foreach (TileCounters head in of)
        {
            visited += head.Visited;
            skipped += head.Skipped;
        }
        return new TileCounters(visited, skipped).Sparsity;
    }
}
