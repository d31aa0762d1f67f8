using System.Numerics.Tensors;

namespace SkipSoftmax.Conformance;

/// <summary>One query head of one sequence: logits, the vote of a row, and the online softmax, in double precision.</summary>
internal sealed class ReferenceHead
{
    /// <summary>Below this share of its row, a weight may underflow in float32 on one way of rescaling and not on another.</summary>
    private const double NegligibleWeight = 1e-30;

    private readonly AttentionCase attentionCase;
    private readonly ReferenceResult result;
    private readonly int sequence;
    private readonly int head;
    private readonly int dims;
    private readonly int queryLength;
    private readonly int keyLength;
    private readonly double logLambda;
    private readonly double[] query;
    private readonly double[] key;
    private readonly double[] value;
    private readonly double[] queryMagnitudes;
    private readonly double[] keyMagnitudes;
    private readonly int[] nonFiniteValues;

    public ReferenceHead(AttentionCase attentionCase, ReferenceResult result, int sequence, int head)
    {
        (this.attentionCase, this.result, this.sequence, this.head) = (attentionCase, result, sequence, head);
        dims = attentionCase.HeadDim;
        queryLength = attentionCase.QueryLengthOf(sequence);
        keyLength = attentionCase.KeyLengthOf(sequence);
        logLambda = Math.Log(attentionCase.LambdaOf(sequence));
        query = attentionCase.Query.ReadHead(sequence, head, queryLength);
        key = attentionCase.Key.ReadHead(sequence, head / attentionCase.GroupSize, keyLength);
        value = attentionCase.Value.ReadHead(sequence, head / attentionCase.GroupSize, keyLength);
        queryMagnitudes = [.. query.Select(Math.Abs)];
        keyMagnitudes = [.. key.Select(Math.Abs)];
        nonFiniteValues = [.. Enumerable.Range(0, keyLength).Where(j => !TensorPrimitives.IsFiniteAll<double>(value.AsSpan(j * dims, dims)))];
    }

    /// <summary>Rows <paramref name="first"/> … <c>first + count − 1</c>, before any tile.</summary>
    public ReferenceRow[] Rows(int first, int count) => [.. Enumerable.Range(first, count).Select(row => new ReferenceRow(this, row, dims))];

    /// <summary>Keys that row may attend to: 0 up to, not including, this.</summary>
    public int VisibleKeys(int row) =>
        attentionCase.Specification.Mask == AttentionMask.Causal ? Math.Clamp(row + 1 + keyLength - queryLength, 0, keyLength) : keyLength;

    /// <summary>Logits of a key block and the row's largest.</summary>
    public void ComputeLogits(ReferenceRow row, int keyBlock)
    {
        int firstKey = keyBlock * attentionCase.Specification.KeyBlock;
        int keys = Math.Clamp(VisibleKeys(row.Row) - firstKey, 0, attentionCase.Specification.KeyBlock);
        row.FirstKey = firstKey;
        row.Logits = new double[keys];
        row.TileMaximum = double.NegativeInfinity;
        ReadOnlySpan<double> q = query.AsSpan(row.Row * dims, dims);
        ReadOnlySpan<double> qMagnitudes = queryMagnitudes.AsSpan(row.Row * dims, dims);
        double largestSum = 0;
        for (int j = 0; j < keys; j++)
        {
            ReadOnlySpan<double> k = key.AsSpan((firstKey + j) * dims, dims);
            row.Logits[j] = attentionCase.Scale * TensorPrimitives.Dot(q, k);
            row.TileMaximum = Math.Max(row.TileMaximum, row.Logits[j]); // propagates NaN
            largestSum = Math.Max(largestSum, TensorPrimitives.Dot(qMagnitudes, keyMagnitudes.AsSpan((firstKey + j) * dims, dims)));
        }
        // Higham & Mary 2019: rounding errors of a sum of n products grow as √n with probability near 1, in any order of summation.
        row.TileError = (Math.Sqrt(dims) + 4) * ReferenceAttention.Float32Rounding * attentionCase.Scale * largestSum;
    }

    /// <summary>m̃ &lt; m + ln λ, false for a NaN m̃. Under the floor, a row with m = −∞ or NaN keeps every finite m̃, and one with no key in
    /// the tile (m̃ = −∞) agrees whatever m is; with λ = 0 nobody agrees.</summary>
    /// <param name="row">With the logits of the tile.</param>
    /// <param name="judge">m: the running maximum in prefill, the seed in decode.</param>
    public bool AgreesToSkip(ReferenceRow row, double judge) => row.TileMaximum < Floored(judge) + logLambda;

    private static double Floored(double maximum) => double.MaxNumber(maximum, -1e30); // the floor beside a NaN

    /// <summary>How far a row's vote is from turning over, in units of the logits' rounding.</summary>
    public double VoteDistance(ReferenceRow row, double judge, double judgeError)
    {
        double margin = Math.Abs(row.TileMaximum - Floored(judge) - logLambda);
        double rounding = row.TileError + judgeError
            + (4 * ReferenceAttention.Float32Rounding * (Finite(row.TileMaximum) + Finite(judge) + Finite(logLambda)));
        return double.IsNaN(margin) ? double.PositiveInfinity : margin / (rounding + double.Epsilon);
    }

    /// <summary>How far a decision is from turning over: to keep a tile one row suffices, to skip it all dissenters would have to turn.</summary>
    public static double DecisionDistance(ReferenceRow[] rows, bool skip, Func<ReferenceRow, bool> agrees, Func<ReferenceRow, double> distance) =>
        skip ? rows.Min(distance) : rows.Where(row => !agrees(row)).Max(distance);

    private static double Finite(double value) => double.IsFinite(value) ? Math.Abs(value) : 0;

    /// <summary>The ordinary online-softmax update.</summary>
    public void Accumulate(ReferenceRow row)
    {
        double maximum = Math.Max(row.Maximum, row.TileMaximum);
        row.MaximumError = Math.Max(row.MaximumError, row.TileError);
        if (double.IsNegativeInfinity(maximum))
        {
            return; // no key with any weight so far: exp(−∞ − −∞) is meant to be 0
        }
        double rescale = double.IsNegativeInfinity(row.Maximum) ? 0 : Math.Exp(row.Maximum - maximum);
        row.Maximum = maximum;
        row.Denominator *= rescale;
        TensorPrimitives.Multiply(row.Numerator, rescale, row.Numerator);
        for (int j = 0; j < row.Logits.Length; j++)
        {
            double weight = Math.Exp(row.Logits[j] - maximum);
            row.Denominator += weight;
            TensorPrimitives.MultiplyAdd(value.AsSpan((row.FirstKey + j) * dims, dims), weight, row.Numerator, row.Numerator);
        }
    }

    /// <summary>Writes the row's output and LSE.</summary>
    /// <param name="row">With all its tiles.</param>
    /// <param name="keptBlocks">The key blocks it took.</param>
    /// <param name="multiplied">Those, and the ones that other rows of the same product took.</param>
    /// <param name="denseKeys">The first so many keys are multiplied whether or not the row sees them.</param>
    public void Store(ReferenceRow row, IReadOnlyCollection<int> keptBlocks, IReadOnlySet<int> multiplied, int denseKeys = 0)
    {
        int index = attentionCase.RowIndex(sequence, head, row.Row);
        bool empty = double.IsNegativeInfinity(row.Maximum);
        result.Lse[index] = row.Maximum + Math.Log(row.Denominator);
        result.LogitError[index] = row.MaximumError;
        for (int dim = 0; dim < dims; dim++)
        {
            result.Output[(index * dims) + dim] = empty ? 0 : row.Numerator[dim] / row.Denominator;
        }
        MarkUnspecified(row, keptBlocks, multiplied, denseKeys, index);
    }

    private void MarkUnspecified(ReferenceRow row, IReadOnlyCollection<int> keptBlocks, IReadOnlySet<int> multiplied, int denseKeys, int index)
    {
        if (double.IsNaN(row.Denominator))
        {
            return; // every element of the row is NaN, whatever V holds
        }
        foreach (int j in nonFiniteValues.Where(j => j < denseKeys || multiplied.Contains(j / attentionCase.Specification.KeyBlock)))
        {
            double logit = j < VisibleKeys(row.Row) && keptBlocks.Contains(j / attentionCase.Specification.KeyBlock)
                ? attentionCase.Scale * TensorPrimitives.Dot<double>(query.AsSpan(row.Row * dims, dims), key.AsSpan(j * dims, dims))
                : double.NegativeInfinity;
            if (double.IsNegativeInfinity(logit) || Math.Exp(logit - row.Maximum) < NegligibleWeight)
            {
                for (int dim = 0; dim < dims; dim++)
                {
                    result.Unspecified[(index * dims) + dim] |= !double.IsFinite(value[(j * dims) + dim]);
                }
            }
        }
    }
}
