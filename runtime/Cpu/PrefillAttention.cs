namespace SkipSoftmax.Cpu;

/// <summary>
/// Attention by query blocks: each work item is one (sequence, query head, query block), which visits its key tiles in order. Logits are
/// computed transposed, <c>[key, row]</c>, so that maxima, votes, exponentials and sums over keys are plain vector operations with one
/// query row a lane.
/// </summary>
internal sealed unsafe class PrefillAttention<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    /// <summary>Packed keys and values a wave of pairs may take: about what a last-level cache holds.</summary>
    private const long WaveBytes = 16L << 20;

    private readonly AttentionCall call;
    private readonly PackedHeads packed;
    private readonly int firstPair;
    private readonly int pairs;

    private PrefillAttention(AttentionCall call, PackedHeads packed, int firstPair, int pairs)
    {
        this.call = call;
        this.packed = packed;
        this.firstPair = firstPair;
        this.pairs = pairs;
    }

    private static int Width => ProductKernels<TSimd, TVector>.Width;

    /// <summary>Runs the call, wave by wave of (sequence, key/value head) pairs.</summary>
    public static void Run(AttentionCall call, int workers)
    {
        int longest = call.LongestKeys;
        int allPairs = call.Batch * call.KeyValueHeads;
        long keyRows = longest + PackedHeads.SlackRows;
        long floatsPerPair = PackedHeads.FloatsPerPair(keyRows, call.HeadDim);
        int wave = (int)Math.Clamp(WaveBytes / (floatsPerPair * sizeof(float)), 1, allPairs);
        using var memory = new NativeFloats(wave * floatsPerPair);
        var packed = new PackedHeads(memory.First, keyRows, call.HeadDim, Width);
        for (int first = 0; first < allPairs; first += wave)
        {
            new PrefillAttention<TSimd, TVector>(call, packed, first, Math.Min(wave, allPairs - first)).RunWave(longest, workers);
        }
    }

    private void RunWave(int longest, int workers)
    {
        int chunks = (longest + PackedHeads.Chunk - 1) / PackedHeads.Chunk;
        WorkSharing.Run(workers, (long)pairs * chunks, queue =>
        {
            while (queue.TryTake(out long item))
            {
                int slot = (int)(item / chunks);
                int first = (int)(item % chunks) * PackedHeads.Chunk;
                (int sequence, int head) = Math.DivRem(firstPair + slot, call.KeyValueHeads);
                packed.Pack(call, slot, sequence, head, first, Math.Min(first + PackedHeads.Chunk, call.KeyLengthOf(sequence)));
            }
        });
        long itemsPerPair = (long)call.QueryBlocks * call.GroupSize;
        WorkSharing.Run(workers, pairs * itemsPerPair, queue =>
        {
            var scratch = new QueryBlockScratch(call.HeadDim, call.Specification.QueryBlock, call.Specification.KeyBlock);
            using var memory = new NativeFloats(scratch.Floats);
            scratch.Bind(memory.First);
            while (queue.TryTake(out long item))
            {
                // All threads are at one pair at a time, which keeps its keys and values near. Its last query blocks come first: under a
                // causal mask they have the most tiles.
                (int slot, int itemOfPair) = ((int)(item / itemsPerPair), (int)(item % itemsPerPair));
                int queryBlock = call.QueryBlocks - 1 - (itemOfPair / call.GroupSize);
                (int sequence, int keyHead) = Math.DivRem(firstPair + slot, call.KeyValueHeads);
                Attend(in scratch, slot, sequence, (keyHead * call.GroupSize) + (itemOfPair % call.GroupSize), queryBlock);
            }
        });
    }

    private void Attend(in QueryBlockScratch scratch, int slot, int sequence, int head, int queryBlock)
    {
        int keyBlock = call.Specification.KeyBlock;
        int firstRow = queryBlock * call.Specification.QueryBlock;
        int rows = Math.Min(call.Specification.QueryBlock, call.QueryLengthOf(sequence) - firstRow);
        if (rows <= 0)
        {
            return;
        }
        int visibleKeys = call.VisibleKeys(sequence, firstRow + rows - 1);
        int tiles = (visibleKeys + keyBlock - 1) / keyBlock;
        float log2Threshold = call.Log2ThresholdOf(sequence);
        TileDecision* decisions = call.DecisionsOf(sequence, head, queryBlock);
        int skipped = 0;
        scratch.Reset();
        PackQuery(in scratch, sequence, head, firstRow, rows);
        for (int visit = 0; visit < tiles; visit++)
        {
            int index = TileSchedule.TileAt(call.Specification.Order, visit, tiles);
            int firstKey = index * keyBlock;
            int keys = Math.Min(keyBlock, visibleKeys - firstKey);
            var tile = new Tile(firstKey, keys, call.MaskedKeys(sequence, firstRow) - firstKey, rows);
            ComputeLogits(in scratch, in tile, packed.Keys(slot) + ((long)firstKey * call.HeadDim));
            bool skip = visit > 0 && SkipRule.AllAgree<TSimd, TVector>(scratch.TileMaximum, scratch.Maximum, rows, log2Threshold);
            if (skip)
            {
                skipped++;
            }
            else
            {
                Weigh(in scratch, in tile);
                Accumulate(in scratch, in tile, slot);
            }
            if (decisions is not null)
            {
                decisions[index] = skip ? TileDecision.Skipped : TileDecision.Kept;
            }
        }
        call.Count(sequence, head, tiles, skipped);
        WriteRows(in scratch, sequence, head, firstRow, rows);
    }

    /// <summary>Query rows as columns, in panels of Width rows <c>[panel][head_dim][Width]</c>, times scale and log2 e. Rows past the end are 0.</summary>
    private void PackQuery(in QueryBlockScratch scratch, int sequence, int head, int firstRow, int rows)
    {
        float factor = (float)(call.Scale * AttentionCall.Log2E);
        int headDim = call.HeadDim;
        int width = Width;
        float* vector = stackalloc float[headDim];
        int padded = (rows + width - 1) / width * width;
        for (int row = 0; row < padded; row++)
        {
            float* column = scratch.Query + ((long)(row / width) * headDim * width) + (row % width);
            if (row < rows)
            {
                call.Query.Read(sequence, firstRow + row, head, vector);
            }
            else
            {
                new Span<float>(vector, headDim).Clear();
            }
            for (int i = 0; i < headDim; i++)
            {
                column[(nint)i * width] = vector[i] * factor;
            }
        }
    }

    /// <summary>Logits and each row's maximum. Keys no row of a panel sees are left out; those only some rows see are −∞ for the others.</summary>
    private void ComputeLogits(in QueryBlockScratch scratch, in Tile tile, float* keys)
    {
        int width = Width;
        // A group of keys meets all panels of rows while it is in the first-level cache: K comes from further away than Q.
        int seenByLast = tile.Visible(tile.Rows - 1);
        for (int key = 0; key < seenByLast; key += ProductKernels<TSimd, TVector>.Tall)
        {
            for (int row = 0; row < tile.Rows; row += width)
            {
                int wanted = tile.Visible(row + width - 1) - key;
                if (wanted > 0)
                {
                    ProductKernels<TSimd, TVector>.Logits(keys + ((nint)key * call.HeadDim), scratch.Query + ((nint)row * call.HeadDim), call.HeadDim, wanted,
                        scratch.Logits + (key * scratch.Stride) + row, scratch.Stride);
                }
            }
        }
        for (int row = 0; row < tile.Rows; row += width)
        {
            int seen = tile.Visible(row + width - 1);
            float* logits = scratch.Logits + row;
            for (int masked = 0; masked < width && tile.Visible(row + masked) < seen; masked++)
            {
                for (int key = tile.Visible(row + masked); key < seen; key++)
                {
                    logits[(key * scratch.Stride) + masked] = float.NegativeInfinity;
                }
            }
            RowSoftmax<TSimd, TVector>.Maximum(logits, scratch.Stride, seen, scratch.TileMaximum + row);
        }
    }

    /// <summary>Online softmax of a kept tile: logits become weights, and m, l and the decay of the numerators follow.</summary>
    private static void Weigh(in QueryBlockScratch scratch, in Tile tile)
    {
        for (int row = 0; row < tile.Rows; row += Width)
        {
            RowSoftmax<TSimd, TVector>.Update(scratch.Logits + row, scratch.Stride, tile.Visible(row + Width - 1), scratch.TileMaximum + row,
                scratch.Maximum + row, scratch.Denominator + row, scratch.Decay + row);
        }
    }

    /// <summary>Numerators of a kept tile. A masked key's value is never touched, not even with weight 0: it may be NaN.</summary>
    private void Accumulate(in QueryBlockScratch scratch, in Tile tile, int slot)
    {
        int width = Width;
        for (int panel = 0; panel < call.HeadDim / width; panel++)
        {
            float* values = packed.Values(slot, panel) + ((long)tile.FirstKey * width);
            float* output = scratch.NumeratorPanel(panel, width);
            for (int row = 0; row < tile.Rows;)
            {
                int group = tile.Rows - row > ProductKernels<TSimd, TVector>.Short ? ProductKernels<TSimd, TVector>.Tall : ProductKernels<TSimd, TVector>.Short;
                int common = tile.Visible(row);
                float* weights = scratch.Logits + row;
                if (group == ProductKernels<TSimd, TVector>.Tall)
                {
                    ProductKernels<TSimd, TVector>.WeightedSumTall(weights, scratch.Stride, values, common, scratch.Decay + row, output + (row * width));
                }
                else
                {
                    ProductKernels<TSimd, TVector>.WeightedSumShort(weights, scratch.Stride, values, common, scratch.Decay + row, output + (row * width));
                }
                int end = Math.Min(row + group, tile.Rows);
                for (row++; row < end; row++)
                {
                    ProductKernels<TSimd, TVector>.WeightedSumRow(scratch.Logits + row + (common * scratch.Stride), scratch.Stride, values + (common * width),
                        tile.Visible(row) - common, output + (row * width));
                }
            }
        }
    }

    private void WriteRows(in QueryBlockScratch scratch, int sequence, int head, int firstRow, int rows)
    {
        int width = Width;
        float* vector = stackalloc float[call.HeadDim];
        for (int row = 0; row < rows; row++)
        {
            for (int panel = 0; panel < call.HeadDim / width; panel++)
            {
                new ReadOnlySpan<float>(scratch.NumeratorPanel(panel, width) + (row * width), width).CopyTo(new Span<float>(vector + (panel * width), width));
            }
            call.WriteRow(sequence, head, firstRow + row, scratch.Maximum[row], scratch.Denominator[row], vector);
        }
    }

    /// <summary>One tile of a query block: its keys, and how many of them each row sees.</summary>
    private readonly struct Tile(int firstKey, int keys, int maskedToFirstRow, int rows)
    {
        public int FirstKey => firstKey;

        /// <summary>Valid rows.</summary>
        public int Rows => rows;

        /// <summary>Keys of this tile that a row sees, a prefix of them; rows past the last valid one count as that.</summary>
        public int Visible(int row) => (int)Math.Clamp((long)maskedToFirstRow + Math.Min(row, rows - 1), 0, keys);
    }
}
