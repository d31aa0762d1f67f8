using System.Numerics.Tensors;

namespace SkipSoftmax.Conformance;

/// <summary>Skip Softmax attention in double precision, written from the contract alone and for reading, not for speed.</summary>
public static class ReferenceAttention
{
    /// <summary>2^-24: the relative rounding of one float32 operation.</summary>
    public const double Float32Rounding = 1.0 / (1 << 24);

    /// <summary>Below this share of its row, a weight may underflow in float32 on one way of rescaling and not on another.</summary>
    private const double NegligibleWeight = 1e-30;

    /// <summary>Runs a case.</summary>
    /// <param name="attentionCase">The case.</param>
    /// <param name="forced">What is done with each tile whatever the rule says of it; null: what the rule says.</param>
    /// <param name="denseTile">See <see cref="BackendResult.DenseTile"/>.</param>
    public static ReferenceResult Run(AttentionCase attentionCase, TileDecision[]? forced = null, (int Rows, int Keys)? denseTile = null)
    {
        ReferenceResult result = new(attentionCase);
        Parallel.For(0, attentionCase.Batch * attentionCase.QueryHeads, index =>
            new HeadRun(attentionCase, result, forced, denseTile, index / attentionCase.QueryHeads, index % attentionCase.QueryHeads).Run());
        return result;
    }

    /// <summary>One query head of one sequence.</summary>
    private sealed class HeadRun(
        AttentionCase attentionCase, ReferenceResult result, TileDecision[]? forced, (int Rows, int Keys)? denseTile, int sequence, int head)
    {
        private readonly int dims = attentionCase.HeadDim;
        private readonly int queryLength = attentionCase.QueryLengthOf(sequence);
        private readonly int keyLength = attentionCase.KeyLengthOf(sequence);
        private readonly double logLambda = Math.Log(attentionCase.LambdaOf(sequence));
        private readonly double[] query = attentionCase.Query.ReadHead(sequence, head, attentionCase.QueryLengthOf(sequence));
        private readonly double[] key = attentionCase.Key.ReadHead(sequence, head / attentionCase.GroupSize, attentionCase.KeyLengthOf(sequence));
        private readonly double[] value = attentionCase.Value.ReadHead(sequence, head / attentionCase.GroupSize, attentionCase.KeyLengthOf(sequence));

        private double[] queryMagnitudes = [];
        private double[] keyMagnitudes = [];
        private int[] nonFiniteValues = [];

        public void Run()
        {
            queryMagnitudes = [.. query.Select(Math.Abs)];
            keyMagnitudes = [.. key.Select(Math.Abs)];
            nonFiniteValues = [.. Enumerable.Range(0, keyLength).Where(j => !TensorPrimitives.IsFiniteAll<double>(value.AsSpan(j * dims, dims)))];
            ulong visited = 0;
            ulong skipped = 0;
            for (int queryBlock = 0; queryBlock * attentionCase.Specification.QueryBlock < queryLength; queryBlock++)
            {
                int firstRow = queryBlock * attentionCase.Specification.QueryBlock;
                RowState[] rows = [.. Enumerable.Range(firstRow, Math.Min(attentionCase.Specification.QueryBlock, queryLength - firstRow)).Select(row => new RowState(row, dims))];
                bool anyKept = false;
                List<int> keptBlocks = [];
                foreach (int keyBlock in VisitingOrder(rows[^1].Row))
                {
                    int tile = attentionCase.TileIndex(sequence, head, queryBlock, keyBlock);
                    foreach (RowState row in rows)
                    {
                        ComputeLogits(row, keyBlock);
                    }
                    bool skip = anyKept && rows.All(AgreesToSkip);
                    result.Decisions[tile] = skip ? TileDecision.Skipped : TileDecision.Kept;
                    result.DecisionDistance[tile] = anyKept ? Distance(rows, skip) : double.PositiveInfinity;
                    visited++;
                    if ((forced?[tile] ?? result.Decisions[tile]) == TileDecision.Skipped)
                    {
                        skipped++;
                        continue;
                    }
                    anyKept = true;
                    keptBlocks.Add(keyBlock);
                    foreach (RowState row in rows)
                    {
                        Accumulate(row);
                    }
                }
                foreach (RowState row in rows)
                {
                    Store(row, keptBlocks);
                }
            }
            result.Counters[(sequence * attentionCase.QueryHeads) + head] = new TileCounters(visited, skipped);
        }

        /// <summary>Keys that row may attend to: 0 up to, not including, this.</summary>
        private int VisibleKeys(int row) =>
            attentionCase.Specification.Mask == AttentionMask.Causal ? Math.Clamp(row + 1 + keyLength - queryLength, 0, keyLength) : keyLength;

        /// <summary>The key blocks that some row of the block may attend to; the last row sees most.</summary>
        private IEnumerable<int> VisitingOrder(int lastRow)
        {
            int blocks = AttentionCase.BlocksOf(VisibleKeys(lastRow), attentionCase.Specification.KeyBlock);
            IEnumerable<int> ascending = Enumerable.Range(0, blocks);
            return attentionCase.Specification.Order switch
            {
                TileOrder.Ascending => ascending,
                TileOrder.Descending => ascending.Reverse(),
                TileOrder.SinkFirst => ascending.Take(1).Concat(ascending.Skip(1).Reverse()),
                _ => throw new InvalidOperationException($"Order {attentionCase.Specification.Order} is not known."),
            };
        }

        private void ComputeLogits(RowState row, int keyBlock)
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
            row.TileError = (Math.Sqrt(dims) + 4) * Float32Rounding * attentionCase.Scale * largestSum;
        }

        /// <summary>m̃ &lt; m + ln λ, false for a NaN m̃. Under the floor, a row with m = −∞ or NaN keeps every finite m̃, and one with no key in
        /// the tile (m̃ = −∞) agrees whatever m is; with λ = 0 nobody agrees.</summary>
        private bool AgreesToSkip(RowState row) => row.TileMaximum < Floored(row.Maximum) + logLambda;

        private static double Floored(double maximum) => double.MaxNumber(maximum, -1e30); // the floor beside a NaN

        private double Distance(RowState[] rows, bool skip) => skip
            ? rows.Min(RowDistance) // one row suffices to keep
            : rows.Where(row => !AgreesToSkip(row)).Max(RowDistance); // all of them would have to turn

        private double RowDistance(RowState row)
        {
            double margin = Math.Abs(row.TileMaximum - Floored(row.Maximum) - logLambda);
            double rounding = row.TileError + row.MaximumError
                + (4 * Float32Rounding * (Finite(row.TileMaximum) + Finite(row.Maximum) + Finite(logLambda)));
            return double.IsNaN(margin) ? double.PositiveInfinity : margin / (rounding + double.Epsilon);
        }

        private static double Finite(double value) => double.IsFinite(value) ? Math.Abs(value) : 0;

        /// <summary>The ordinary online-softmax update.</summary>
        private void Accumulate(RowState row)
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

        private void Store(RowState row, List<int> keptBlocks)
        {
            int index = attentionCase.RowIndex(sequence, head, row.Row);
            bool empty = double.IsNegativeInfinity(row.Maximum);
            result.Lse[index] = row.Maximum + Math.Log(row.Denominator);
            result.LogitError[index] = row.MaximumError;
            for (int dim = 0; dim < dims; dim++)
            {
                result.Output[(index * dims) + dim] = empty ? 0 : row.Numerator[dim] / row.Denominator;
            }
            MarkUnspecified(row, keptBlocks, index);
        }

        /// <summary>Keys that are multiplied together with some key the row's neighbours see, where no tile is decided on; otherwise 0.</summary>
        private int DenseKeys(int row)
        {
            if (attentionCase.Specification.Threshold != ThresholdMode.Off || denseTile is not (int rows, int keys))
            {
                return 0;
            }
            int lastRow = Math.Min((row / rows * rows) + rows, queryLength) - 1;
            return AttentionCase.BlocksOf(VisibleKeys(lastRow), keys) * keys;
        }

        private void MarkUnspecified(RowState row, List<int> keptBlocks, int index)
        {
            if (double.IsNaN(row.Denominator))
            {
                return; // every element of the row is NaN, whatever V holds
            }
            int denseKeys = DenseKeys(row.Row);
            foreach (int j in nonFiniteValues.Where(j => j < denseKeys || keptBlocks.Contains(j / attentionCase.Specification.KeyBlock)))
            {
                double logit = j < VisibleKeys(row.Row)
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

    private sealed class RowState(int row, int dims)
    {
        public int Row => row;

        public double Maximum { get; set; } = double.NegativeInfinity;

        public double MaximumError { get; set; }

        public double Denominator { get; set; }

        public double[] Numerator { get; } = new double[dims];

        public int FirstKey { get; set; }

        public double[] Logits { get; set; } = [];

        public double TileMaximum { get; set; }

        public double TileError { get; set; }
    }
}
