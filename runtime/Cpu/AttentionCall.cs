using System.Numerics.Tensors;
using SkipSoftmax.Arguments;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Cpu;

/// <summary>
/// A validated problem as the worker threads see it: pinned pointers, the lengths and thresholds of each sequence, and where results go.
/// Valid while the buffers are pinned.
/// </summary>
internal sealed unsafe class AttentionCall
{
    private readonly int[] queryLengths;
    private readonly int[] keyLengths;
    private readonly float[] log2Thresholds;
    private readonly ulong[]? visited;
    private readonly ulong[]? skipped;
    private readonly float* lse;
    private readonly TileDecision* decisions;
    private readonly int* blockTable;

    public AttentionCall(in AttentionProblem problem, byte* query, byte* key, byte* value, byte* output, float* lse, TileDecision* decisions, int* blockTable)
    {
        Specification = problem.Specification;
        Batch = problem.Batch;
        QueryHeads = problem.QueryHeads;
        KeyValueHeads = problem.KeyValueHeads;
        GroupSize = problem.GroupSize;
        HeadDim = problem.HeadDim;
        QueryCapacity = problem.Query.Shape.Length;
        QueryBlocks = problem.QueryBlocks;
        KeyBlocks = problem.KeyBlocks;
        DecisionHeads = problem.DecisionHeads;
        PageSize = problem.Key.Shape.Length;
        PagesPerSequence = problem.BlockTable.PagesPerSequence;
        Scale = problem.Scale;
        Query = new(query, problem.Query.Element, problem.Query.Strides, HeadDim);
        Key = new(key, problem.Key.Element, problem.Key.Strides, HeadDim);
        Value = new(value, problem.Value.Element, problem.Value.Strides, HeadDim);
        Output = new(output, problem.Output.Element, problem.Output.Strides, HeadDim);
        this.lse = lse;
        this.decisions = decisions;
        this.blockTable = blockTable;
        queryLengths = new int[Batch];
        keyLengths = new int[Batch];
        log2Thresholds = new float[Batch];
        for (int sequence = 0; sequence < Batch; sequence++)
        {
            queryLengths[sequence] = problem.QueryLengthOf(sequence);
            keyLengths[sequence] = problem.KeyLengthOf(sequence);
            LongestKeys = Math.Max(LongestKeys, keyLengths[sequence]);
            log2Thresholds[sequence] = (float)(problem.LogThresholdOf(sequence) * Log2E);
        }
        if (!problem.Counters.IsEmpty)
        {
            visited = new ulong[Batch * DecisionHeads];
            skipped = new ulong[Batch * DecisionHeads];
        }
        if (decisions is not null)
        {
            problem.Decisions.HostValues.Clear();
        }
    }

    /// <summary>Logits are kept in units of log2: natural ones times this.</summary>
    public const double Log2E = 1.4426950408889634;

    public AttentionSpecification Specification { get; }

    public int Batch { get; }

    public int QueryHeads { get; }

    public int KeyValueHeads { get; }

    public int GroupSize { get; }

    /// <summary>Heads that decide by themselves.</summary>
    public int DecisionHeads { get; }

    public int HeadDim { get; }

    /// <summary>Query tokens the tensors have room for.</summary>
    public int QueryCapacity { get; }

    /// <summary>Key tokens of the longest sequence.</summary>
    public int LongestKeys { get; }

    public int QueryBlocks { get; }

    public int KeyBlocks { get; }

    public float Scale { get; }

    public PinnedTensor Query { get; }

    /// <summary>Tokens in a page, where keys and values are paged.</summary>
    public int PageSize { get; }

    /// <summary>Entries in a row of the block table; 0 where keys and values are contiguous.</summary>
    public int PagesPerSequence { get; }

    public PinnedTensor Key { get; }

    public PinnedTensor Value { get; }

    public PinnedTensor Output { get; }

    public int QueryLengthOf(int sequence) => queryLengths[sequence];

    public int KeyLengthOf(int sequence) => keyLengths[sequence];

    /// <summary>log2 λ; −∞ skips nothing.</summary>
    public float Log2ThresholdOf(int sequence) => log2Thresholds[sequence];

    /// <summary>Keys that the mask lets a query row of a sequence see: a prefix of so many, where that is between 0 and the key length.</summary>
    public int MaskedKeys(int sequence, int row) =>
        Specification.Mask == AttentionMask.Causal ? row + 1 + keyLengths[sequence] - queryLengths[sequence] : int.MaxValue;

    /// <summary>Keys that a query row of a sequence sees: a prefix.</summary>
    public int VisibleKeys(int sequence, int row) => Math.Clamp(MaskedKeys(sequence, row), 0, keyLengths[sequence]);

    /// <summary>Key tiles that some query row of a sequence sees, in decode; none without rows.</summary>
    public int DecodeTiles(int sequence)
    {
        int queries = queryLengths[sequence];
        return queries == 0 ? 0 : AttentionProblem.BlocksOf(VisibleKeys(sequence, queries - 1), Specification.KeyBlock);
    }

    /// <summary>The page that holds a token of a sequence.</summary>
    public int PageOf(int sequence, int token) => blockTable[((long)sequence * PagesPerSequence) + (token / PageSize)];

    /// <summary>Writes what is asked for about one row: output from its numerators, and LSE.</summary>
    /// <param name="sequence">Sequence.</param>
    /// <param name="head">Query head.</param>
    /// <param name="row">Query token.</param>
    /// <param name="maximum">m in log2 units.</param>
    /// <param name="denominator">l; 0 for a row with no key.</param>
    /// <param name="numerators">o, <c>[head_dim]</c>; divided in place.</param>
    public void WriteRow(int sequence, int head, int row, float maximum, float denominator, float* numerators)
    {
        var values = new Span<float>(numerators, HeadDim);
        if (denominator == 0)
        {
            values.Clear();
        }
        else
        {
            TensorPrimitives.Divide(values, denominator, values);
        }
        Output.Write(sequence, row, head, numerators);
        if (lse is not null)
        {
            lse[((((long)sequence * QueryHeads) + head) * QueryCapacity) + row] = denominator == 0
                ? float.NegativeInfinity
                : (float)((maximum / Log2E) + Math.Log(denominator));
        }
    }

    /// <summary>Records the decisions of one query block, when asked for: null otherwise.</summary>
    public TileDecision* DecisionsOf(int sequence, int head, int queryBlock) => decisions is null
        ? null
        : decisions + (((((long)sequence * DecisionHeads) + head) * QueryBlocks + queryBlock) * KeyBlocks);

    /// <summary>Adds to a head's counters, when asked for.</summary>
    public void Count(int sequence, int head, int visitedTiles, int skippedTiles)
    {
        if (visited is not null)
        {
            int index = (sequence * DecisionHeads) + head;
            Interlocked.Add(ref visited[index], (ulong)visitedTiles);
            Interlocked.Add(ref skipped![index], (ulong)skippedTiles);
        }
    }

    /// <summary>Writes the counters, once all tiles are done.</summary>
    public void WriteCounters(Span<TileCounters> counters)
    {
        for (int i = 0; i < counters.Length; i++)
        {
            counters[i] = new(visited![i], skipped![i]);
        }
    }
}
