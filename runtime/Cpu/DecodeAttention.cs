namespace SkipSoftmax.Cpu;

/// <summary>
/// Attention of a few query rows against a long cache, parallel over keys. The decisions are those of the sequential visiting order: all
/// logits come first (K is read once for the heads of a group), then the sequence of decisions is replayed on the tiles' maxima, then
/// only the kept tiles' weights are taken and their V is read. Sums run tile by tile in key order, each column on one thread, so neither
/// the number of threads nor the tiles that were left out change a bit.
/// </summary>
internal sealed unsafe class DecodeAttention<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    /// <summary>The most query tokens this path is for.</summary>
    public const int MostQueries = 8;

    /// <summary>Memory the logits of a wave of (sequence, key/value head) pairs may take.</summary>
    private const long WaveBytes = 64L << 20;

    /// <summary>Key blocks in a work item.</summary>
    private const int TilesPerItem = 8;

    /// <summary>Columns of V are split among threads by multiples of this: a cache line of float16, and a divisor of every head_dim.</summary>
    private const int ColumnStep = 32;

    private readonly AttentionCall call;
    private readonly DecodeScratch scratch;
    private readonly int firstPair;
    private readonly int pairs;
    private readonly int tiles;
    private readonly int workers;
    private readonly bool[] kept;

    private DecodeAttention(AttentionCall call, DecodeScratch scratch, int firstPair, int pairs, int tiles, int workers)
    {
        this.call = call;
        this.scratch = scratch;
        this.firstPair = firstPair;
        this.pairs = pairs;
        this.tiles = tiles;
        this.workers = workers;
        kept = new bool[(long)pairs * call.GroupSize * tiles];
    }

    private int KeyBlock => call.Specification.KeyBlock;

    /// <summary>Runs the call, wave by wave of (sequence, key/value head) pairs.</summary>
    public static void Run(AttentionCall call, int workers)
    {
        int tiles = (call.LongestKeys + call.Specification.KeyBlock - 1) / call.Specification.KeyBlock;
        int allPairs = call.Batch * call.KeyValueHeads;
        var scratch = new DecodeScratch(call.GroupSize * call.QueryCapacity, tiles, call.Specification.KeyBlock, call.HeadDim);
        int wave = (int)Math.Clamp(WaveBytes / (scratch.FloatsPerPair * sizeof(float)), 1, allPairs);
        using var memory = new NativeFloats(wave * scratch.FloatsPerPair);
        scratch.Bind(memory.First);
        for (int first = 0; first < allPairs; first += wave)
        {
            new DecodeAttention<TSimd, TVector>(call, scratch, first, Math.Min(wave, allPairs - first), tiles, workers).RunWave();
        }
    }

    private void RunWave()
    {
        int ranges = (tiles + TilesPerItem - 1) / TilesPerItem;
        WorkSharing.Run(workers, (long)pairs * ranges, queue =>
        {
            using var memory = new NativeFloats((call.GroupSize * (long)call.QueryCapacity * call.HeadDim) + (KeyBlock * call.HeadDim));
            while (queue.TryTake(out long item))
            {
                ComputeLogits((int)(item / ranges), (int)(item % ranges) * TilesPerItem, memory.First);
            }
        });
        WorkSharing.Run(workers, (long)pairs * call.GroupSize, queue =>
        {
            while (queue.TryTake(out long item))
            {
                Decide((int)(item / call.GroupSize), (int)(item % call.GroupSize));
            }
        });
        WorkSharing.Run(workers, (long)pairs * ranges, queue =>
        {
            while (queue.TryTake(out long item))
            {
                Weigh((int)(item / ranges), (int)(item % ranges) * TilesPerItem);
            }
        });
        int slices = call.HeadDim / ColumnStep;
        int steps = Math.Max(1, slices / Math.Max(1, (workers + pairs - 1) / pairs));
        int parts = (slices + steps - 1) / steps;
        WorkSharing.Run(workers, (long)pairs * parts, queue =>
        {
            using var memory = new NativeFloats(KeyBlock * call.HeadDim);
            while (queue.TryTake(out long item))
            {
                int column = (int)(item % parts) * steps * ColumnStep;
                SumValues((int)(item / parts), column, Math.Min(steps * ColumnStep, call.HeadDim - column), memory.First);
            }
        });
        WorkSharing.Run(workers, (long)pairs * call.GroupSize, queue =>
        {
            while (queue.TryTake(out long item))
            {
                WriteRows((int)(item / call.GroupSize), (int)(item % call.GroupSize));
            }
        });
    }

    /// <summary>Logits and maxima of a range of tiles, for all rows of all heads that share the keys.</summary>
    private void ComputeLogits(int slot, int firstTile, float* memory)
    {
        (int sequence, int keyHead) = Math.DivRem(firstPair + slot, call.KeyValueHeads);
        int queries = call.QueryLengthOf(sequence);
        float* query = memory;
        float* converted = memory + (call.GroupSize * (long)call.QueryCapacity * call.HeadDim);
        float factor = (float)(call.Scale * AttentionCall.Log2E);
        for (int row = 0; row < call.GroupSize * queries; row++)
        {
            float* vector = query + ((long)row * call.HeadDim);
            call.Query.Read(sequence, row % queries, (keyHead * call.GroupSize) + (row / queries), vector);
            for (int i = 0; i < call.HeadDim; i++)
            {
                vector[i] *= factor;
            }
        }
        int lastTile = Math.Min(firstTile + TilesPerItem, TilesSeen(sequence));
        for (int tile = firstTile; tile < lastTile; tile++)
        {
            int firstKey = tile * KeyBlock;
            float* keys = call.Key.ReadRows(sequence, firstKey, VisibleInTile(sequence, queries - 1, tile), keyHead, 0, call.HeadDim, converted, out nint stride);
            for (int row = 0; row < call.GroupSize * queries; row++)
            {
                int head = row / queries;
                int seen = VisibleInTile(sequence, row % queries, tile);
                float* logits = scratch.Logits(slot, Row(head, row % queries), tile);
                VectorKernels<TSimd, TVector>.Logits(query + ((long)row * call.HeadDim), keys, stride, call.HeadDim, seen, logits);
                int padded = Padded(seen);
                new Span<float>(logits + seen, padded - seen).Fill(float.NegativeInfinity);
                scratch.TileValue(slot, Row(head, row % queries), tile) = VectorKernels<TSimd, TVector>.Maximum(logits, padded);
            }
        }
    }

    /// <summary>Visits the tiles of one head in order: decisions, counters and each row's final maximum.</summary>
    private void Decide(int slot, int headInGroup)
    {
        (int sequence, int keyHead) = Math.DivRem(firstPair + slot, call.KeyValueHeads);
        int queries = call.QueryLengthOf(sequence);
        int head = (keyHead * call.GroupSize) + headInGroup;
        int seen = TilesSeen(sequence);
        float log2Threshold = call.Log2ThresholdOf(sequence);
        Span<float> maximum = stackalloc float[MostQueries];
        maximum.Fill(float.NegativeInfinity);
        TileDecision* decisions = call.DecisionsOf(sequence, head, 0);
        int skipped = 0;
        for (int visit = 0; visit < seen; visit++)
        {
            int tile = TileSchedule.TileAt(call.Specification.Order, visit, seen);
            bool skip = visit > 0;
            for (int row = 0; row < queries && skip; row++)
            {
                skip = SkipRule.Agrees(scratch.TileValue(slot, Row(headInGroup, row), tile), maximum[row], log2Threshold);
            }
            for (int row = 0; row < queries && !skip; row++)
            {
                maximum[row] = MathF.Max(maximum[row], scratch.TileValue(slot, Row(headInGroup, row), tile));
            }
            skipped += skip ? 1 : 0;
            kept[KeptIndex(slot, headInGroup, tile)] = !skip;
            if (decisions is not null)
            {
                decisions[tile] = skip ? TileDecision.Skipped : TileDecision.Kept;
            }
        }
        if (queries > 0)
        {
            call.Count(sequence, head, seen, skipped);
        }
        for (int row = 0; row < queries; row++)
        {
            scratch.Maximum(slot, Row(headInGroup, row)) = maximum[row];
        }
    }

    /// <summary>Softmax weights of the kept tiles of a range, and their sum tile by tile.</summary>
    private void Weigh(int slot, int firstTile)
    {
        int sequence = (firstPair + slot) / call.KeyValueHeads;
        int lastTile = Math.Min(firstTile + TilesPerItem, TilesSeen(sequence));
        for (int tile = firstTile; tile < lastTile; tile++)
        {
            for (int head = 0; head < call.GroupSize; head++)
            {
                for (int query = 0; query < call.QueryLengthOf(sequence) && IsKept(slot, head, tile); query++)
                {
                    int row = Row(head, query);
                    float maximum = scratch.Maximum(slot, row);
                    float shift = float.IsNegativeInfinity(maximum) ? 0 : maximum;
                    scratch.TileValue(slot, row, tile) =
                        VectorKernels<TSimd, TVector>.Exponentiate(scratch.Logits(slot, row, tile), Padded(VisibleInTile(sequence, query, tile)), shift);
                }
            }
        }
    }

    /// <summary>Numerators of some columns over all kept tiles; V of a tile that every head of the group skips is not read.</summary>
    private void SumValues(int slot, int column, int columns, float* converted)
    {
        (int sequence, int keyHead) = Math.DivRem(firstPair + slot, call.KeyValueHeads);
        int queries = call.QueryLengthOf(sequence);
        for (int head = 0; head < call.GroupSize; head++)
        {
            for (int query = 0; query < queries; query++)
            {
                new Span<float>(scratch.Numerators(slot, Row(head, query)) + column, columns).Clear();
            }
        }
        int seen = TilesSeen(sequence);
        for (int tile = 0; tile < seen; tile++)
        {
            float* values = null;
            nint stride = 0;
            for (int head = 0; head < call.GroupSize; head++)
            {
                if (!IsKept(slot, head, tile))
                {
                    continue;
                }
                if (values is null)
                {
                    values = call.Value.ReadRows(sequence, tile * KeyBlock, VisibleInTile(sequence, queries - 1, tile), keyHead, column, columns, converted, out stride);
                }
                for (int query = 0; query < queries; query++)
                {
                    VectorKernels<TSimd, TVector>.WeightedSum(scratch.Logits(slot, Row(head, query), tile), values, stride, columns,
                        VisibleInTile(sequence, query, tile), scratch.Numerators(slot, Row(head, query)) + column);
                }
            }
        }
    }

    private void WriteRows(int slot, int headInGroup)
    {
        (int sequence, int keyHead) = Math.DivRem(firstPair + slot, call.KeyValueHeads);
        int seen = TilesSeen(sequence);
        for (int query = 0; query < call.QueryLengthOf(sequence); query++)
        {
            int row = Row(headInGroup, query);
            float denominator = 0;
            for (int tile = 0; tile < seen; tile++)
            {
                if (IsKept(slot, headInGroup, tile))
                {
                    denominator += scratch.TileValue(slot, row, tile);
                }
            }
            call.WriteRow(sequence, (keyHead * call.GroupSize) + headInGroup, query, scratch.Maximum(slot, row), denominator, scratch.Numerators(slot, row));
        }
    }

    private bool IsKept(int slot, int headInGroup, int tile) => kept[KeptIndex(slot, headInGroup, tile)];

    private long KeptIndex(int slot, int headInGroup, int tile) => ((((long)slot * call.GroupSize) + headInGroup) * tiles) + tile;

    private int Row(int headInGroup, int query) => (headInGroup * call.QueryCapacity) + query;

    /// <summary>Key tiles that some row of the sequence sees; none without rows.</summary>
    private int TilesSeen(int sequence)
    {
        int queries = call.QueryLengthOf(sequence);
        return queries == 0 ? 0 : (call.VisibleKeys(sequence, queries - 1) + KeyBlock - 1) / KeyBlock;
    }

    private int VisibleInTile(int sequence, int query, int tile) => Math.Clamp(call.VisibleKeys(sequence, query) - (tile * KeyBlock), 0, KeyBlock);

    private static int Padded(int keys) => (keys + TSimd.Lanes - 1) / TSimd.Lanes * TSimd.Lanes;
}
