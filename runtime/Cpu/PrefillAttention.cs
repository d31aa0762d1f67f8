using System.Numerics.Tensors;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Attention by query blocks: each work item is a few neighbouring ones of one head, which visit their key tiles in order. Logits are
/// computed transposed, <c>[key, row]</c>, so that maxima, votes, exponentials and sums over keys are plain vector operations with one
/// query row a lane.
/// </summary>
internal sealed unsafe class PrefillAttention<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    /// <summary>Packed keys and values a wave of pairs may take: about what a last-level cache holds.</summary>
    private const long WaveBytes = 16L << 20;

    /// <summary>Pairs of which a thread packs a tile in one go.</summary>
    private const int PairsPacked = 8;

    /// <summary>State of the query blocks of one item: about half a second-level cache.</summary>
    private const long SpanBytes = 288L << 10;

    /// <summary>More neighbours than this gain nothing.</summary>
    private const int MostBlocksPerItem = 4;

    /// <summary>Items every worker should find at least, so that they end at about the same time.</summary>
    private const int ItemsPerWorker = 16;

    private readonly AttentionCall call;
    private readonly PackedHeads packed;
    private readonly int firstPair;
    private readonly int pairs;
    private readonly int workers;
    private readonly ColumnGroups keyGroups;
    private readonly ColumnGroups valueGroups;

    private PrefillAttention(AttentionCall call, PackedHeads packed, int firstPair, int pairs, int workers)
    {
        this.call = call;
        this.packed = packed;
        this.firstPair = firstPair;
        this.pairs = pairs;
        this.workers = workers;
        keyGroups = new(call.Specification.KeyBlock);
        valueGroups = new(call.HeadDim);
    }

    /// <summary>Products of a logit that are summed in one go: longer sums are added up from such parts, which keeps their rounding errors
    /// apart (those of large logits show in the output). Shorter parts cost time, which only the longest sums are given.</summary>
    private int DepthPart => call.HeadDim > 128 ? 32 : 64;

    private static int Width => ProductKernels<TSimd, TVector>.Width;

    /// <summary>Runs the call, wave by wave of (sequence, key/value head) pairs.</summary>
    public static void Run(AttentionCall call, int workers)
    {
        int allPairs = call.Batch * call.KeyValueHeads;
        int tiles = (call.LongestKeys + call.Specification.KeyBlock - 1) / call.Specification.KeyBlock;
        long floatsPerPair = PackedHeads.FloatsPerPair(tiles, call.Specification.KeyBlock, call.HeadDim);
        int wave = (int)Math.Clamp(WaveBytes / Math.Max(1, floatsPerPair * sizeof(float)), 1, allPairs);
        using var memory = new PooledFloats(wave * floatsPerPair);
        var packed = new PackedHeads(memory.First, wave, tiles, call.Specification.KeyBlock, call.HeadDim);
        for (int first = 0; first < allPairs; first += wave)
        {
            new PrefillAttention<TSimd, TVector>(call, packed, first, Math.Min(wave, allPairs - first), workers).RunWave(tiles);
        }
    }

    private void RunWave(int tiles)
    {
        // Tile by tile, not pair by pair: where heads lie within tokens, one's rows are in the pages and beside the lines of the one before.
        int parts = (pairs + PairsPacked - 1) / PairsPacked;
        WorkSharing.Run(workers, (long)parts * tiles, queue =>
        {
            using var scratch = new PooledFloats(packed.ScratchFloats);
            while (queue.TryTake(out long item))
            {
                int slot = (int)(item % parts) * PairsPacked;
                packed.Pack(call, firstPair, slot..Math.Min(slot + PairsPacked, pairs), (int)(item / parts), scratch.First);
            }
        });
        int span = BlocksPerItem();
        int spans = (call.QueryBlocks + span - 1) / span;
        long itemsPerPair = (long)spans * call.GroupSize;
        WorkSharing.Run(workers, pairs * itemsPerPair, queue =>
        {
            (int capacity, int keyBlock) = (call.Specification.QueryBlock, call.Specification.KeyBlock);
            using var logits = new PooledFloats(QueryBlock.LogitFloats(capacity, keyBlock));
            using var memory = new PooledFloats(span * QueryBlock.Floats(capacity, call.HeadDim));
            var blocks = new QueryBlock[span];
            for (int i = 0; i < span; i++)
            {
                blocks[i] = new(capacity, keyBlock, call.HeadDim, memory.First + (i * QueryBlock.Floats(capacity, call.HeadDim)), logits.First);
            }
            while (queue.TryTake(out long item))
            {
                // All threads are at one pair at a time, which keeps its keys and values near. Its last query blocks come first: under a
                // causal mask they have the most tiles.
                (int slot, int itemOfPair) = ((int)(item / itemsPerPair), (int)(item % itemsPerPair));
                int firstBlock = (spans - 1 - (itemOfPair / call.GroupSize)) * span;
                (int sequence, int keyHead) = Math.DivRem(firstPair + slot, call.KeyValueHeads);
                Attend(blocks, slot, sequence, (keyHead * call.GroupSize) + (itemOfPair % call.GroupSize), firstBlock);
            }
        });
    }

    /// <summary>Neighbouring query blocks that visit their tiles together, so that K and V come from the second-level cache for all but the
    /// first: as many as leave it room, and every thread some items.</summary>
    private int BlocksPerItem()
    {
        long fitting = SpanBytes / (QueryBlock.Floats(call.Specification.QueryBlock, call.HeadDim) * sizeof(float));
        long sharing = (long)pairs * call.GroupSize * call.QueryBlocks / (workers * ItemsPerWorker);
        return (int)Math.Clamp(Math.Min(fitting, sharing), 1, MostBlocksPerItem);
    }

    private void Attend(QueryBlock[] blocks, int slot, int sequence, int head, int firstBlock)
    {
        int keyBlock = call.Specification.KeyBlock;
        int tiles = 0;
        for (int i = 0; i < blocks.Length; i++)
        {
            QueryBlock block = blocks[i];
            block.Begin(firstBlock + i, call.QueryLengthOf(sequence));
            call.Query.Fetch(sequence, block.FirstRow, block.Rows, head);
        }
        foreach (QueryBlock block in blocks)
        {
            if (block.Rows > 0)
            {
                block.Tiles = (call.VisibleKeys(sequence, block.FirstRow + block.Rows - 1) + keyBlock - 1) / keyBlock;
                tiles = Math.Max(tiles, block.Tiles);
                PackQuery(block, sequence, head);
            }
        }
        // Each block's own order is this one without the tiles it does not see: those past its last.
        for (int visit = 0; visit < tiles; visit++)
        {
            int tile = TileSchedule.TileAt(call.Specification.Order, visit, tiles);
            foreach (QueryBlock block in blocks)
            {
                if (block.Rows > 0 && tile < block.Tiles)
                {
                    Visit(block, slot, sequence, head, tile);
                }
            }
        }
        foreach (QueryBlock block in blocks)
        {
            if (block.Rows > 0)
            {
                call.Count(sequence, head, block.Visited, block.Skipped);
                WriteRows(block, sequence, head);
            }
        }
    }

    private void Visit(QueryBlock block, int slot, int sequence, int head, int index)
    {
        int firstKey = index * call.Specification.KeyBlock;
        int keys = Math.Min(call.Specification.KeyBlock, call.VisibleKeys(sequence, block.FirstRow + block.Rows - 1) - firstKey);
        var tile = new Tile(keys, call.MaskedKeys(sequence, block.FirstRow) - firstKey, block.Rows);
        // Panel by panel, so that what a panel has of queries, logits and numerators stays in the first-level cache while K and V stream by.
        for (int row = 0; row < block.Rows; row += Width)
        {
            ComputeLogits(block, row, in tile, packed.Keys(slot, index));
        }
        bool skip = block.Visited > 0
            && SkipRule.AllAgree<TSimd, TVector>(block.TileMaximum, block.Maximum, block.Rows, call.Log2ThresholdOf(sequence));
        for (int row = 0; row < block.Rows && !skip; row += Width)
        {
            RowSoftmax<TSimd, TVector>.Update(block.Logits(row), tile.SeenByPanel(row), block.TileMaximum + row, block.Maximum + row,
                block.Denominator + row, block.Decay + row);
            Accumulate(block, row, in tile, packed.Values(slot, index), packed.IsFinite(slot, index));
        }
        block.Visited++;
        block.Skipped += skip ? 1 : 0;
        TileDecision* decisions = call.DecisionsOf(sequence, head, block.Index);
        if (decisions is not null)
        {
            decisions[index] = skip ? TileDecision.Skipped : TileDecision.Kept;
        }
    }

    /// <summary>Query rows as columns of their panel, times scale and log2 e. Rows past the end are 0.</summary>
    private void PackQuery(QueryBlock block, int sequence, int head)
    {
        float factor = (float)(call.Scale * AttentionCall.Log2E);
        int headDim = call.HeadDim;
        int width = Width;
        float* vectors = stackalloc float[width * headDim];
        for (int row = 0; row < block.Rows; row += width)
        {
            int count = Math.Min(width, block.Rows - row);
            for (int lane = 0; lane < count; lane++)
            {
                call.Query.Read(sequence, block.FirstRow + row + lane, head, vectors + (lane * headDim));
            }
            new Span<float>(vectors + (count * headDim), (width - count) * headDim).Clear();
            TensorPrimitives.Multiply(new ReadOnlySpan<float>(vectors, count * headDim), factor, new Span<float>(vectors, count * headDim));
            Transposition.Copy(vectors, headDim, width, headDim, block.Query(row), width);
        }
    }

    /// <summary>Logits and each row's maximum. Keys no row of the panel sees are left out; those only some rows see are −∞ for the others.</summary>
    private void ComputeLogits(QueryBlock block, int row, in Tile tile, float* keys)
    {
        int width = Width;
        int seen = tile.SeenByPanel(row);
        float* logits = block.Logits(row);
        for (int key = 0, group; key < seen; key += group)
        {
            group = keyGroups.SizeAt(key);
            ProductKernels<TSimd, TVector>.Multiply(
                keys + ((nint)key * call.HeadDim), group, block.Query(row), call.HeadDim, DepthPart, decay: null, logits + (key * width));
        }
        if (tile.Visible(row) < seen)
        {
            float* visible = stackalloc float[width];
            for (int lane = 0; lane < width; lane++)
            {
                visible[lane] = tile.Visible(row + lane);
            }
            RowSoftmax<TSimd, TVector>.Mask(logits, tile.Visible(row), seen, visible);
        }
        RowSoftmax<TSimd, TVector>.Maximum(logits, seen, block.TileMaximum + row);
    }

    /// <summary>Numerators of a kept tile. A masked key has weight 0; where its value may be NaN or infinite, it is not touched at all.</summary>
    private void Accumulate(QueryBlock block, int row, in Tile tile, float* values, bool finite)
    {
        int width = Width;
        int common = finite ? tile.SeenByPanel(row) : tile.Visible(row);
        int ragged = tile.SeenByPanel(row) - common;
        float* taken = stackalloc float[width];
        for (int lane = 0; lane < width && ragged > 0; lane++)
        {
            taken[lane] = tile.Visible(row + lane) - common;
        }
        float* weights = block.Logits(row);
        for (int column = 0, group; column < call.HeadDim; column += group)
        {
            group = valueGroups.SizeAt(column);
            float* value = values + ((nint)column * call.Specification.KeyBlock);
            float* output = block.Numerators(row) + (column * width);
            ProductKernels<TSimd, TVector>.Multiply(value, group, weights, common, common, block.Decay + row, output);
            for (int i = 0; i < group && ragged > 0; i++)
            {
                ProductKernels<TSimd, TVector>.AddRagged(value + (common * group) + i, group, weights + (common * width), ragged, taken, output + (i * width));
            }
        }
    }

    private void WriteRows(QueryBlock block, int sequence, int head)
    {
        int width = Width;
        int headDim = call.HeadDim;
        float* vectors = stackalloc float[width * headDim];
        call.Output.Fetch(sequence, block.FirstRow, block.Rows, head);
        for (int row = 0; row < block.Rows; row++)
        {
            if (row % width == 0)
            {
                Transposition.Copy(block.Numerators(row), width, headDim, width, vectors, headDim);
            }
            call.WriteRow(sequence, head, block.FirstRow + row, block.Maximum[row], block.Denominator[row], vectors + (row % width * headDim));
        }
    }

    /// <summary>One tile of a query block: its keys, and how many of them each row sees.</summary>
    private readonly struct Tile(int keys, int maskedToFirstRow, int rows)
    {
        /// <summary>Keys of this tile that a row sees, a prefix of them; rows past the last valid one count as that.</summary>
        public int Visible(int row) => (int)Math.Clamp((long)maskedToFirstRow + Math.Min(row, rows - 1), 0, keys);

        /// <summary>Keys that some row of the panel starting here sees.</summary>
        public int SeenByPanel(int row) => Visible(row + Width - 1);
    }
}
