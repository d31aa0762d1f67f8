using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SkipSoftmax.Cpu;

/// <summary>
/// One thread's view of the rows that share a key/value head, and its scratch memory. Tiles are worked on as a pipeline: while the logits of
/// one are computed, the values of the last kept one are fetched; while those are summed, the keys of the next tile are.
/// </summary>
internal sealed unsafe class DecodeWorker<TSimd, TVector, TRows> : IDisposable
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where TRows : struct, IRowElements<TSimd, TVector>
{
    private const int Panel = DecodeKernels<TSimd, TVector, TRows>.Panel;

    /// <summary>Rows by which a tile that nothing has fetched is read ahead of its own work.</summary>
    private const int ColdDistance = 8;

    private readonly AttentionCall call;
    private readonly int keyBlock;
    private readonly int headDim;
    private readonly int rowBytes;
    private readonly bool converted;
    private readonly float* memory;
    private readonly byte** rowMemory;

    private readonly int[] positions;
    private readonly float* query;
    private readonly float* tileMaximum;
    private readonly float* decay;
    private readonly float* shift;
    private readonly float* floats;
    private float* logits;
    private float* pendingWeights;
    private byte** keys;
    private byte** nextKeys;
    private readonly byte** values;

    private int sequence;
    private int keyHead;
    private int queries;
    private int rows;
    private int panels;
    private int tiles;

    public DecodeWorker(AttentionCall call, DecodeLayout layout)
    {
        this.call = call;
        keyBlock = call.Specification.KeyBlock;
        headDim = call.HeadDim;
        converted = call.Specification.Element == ElementType.Float16;
        positions = [.. Enumerable.Range(0, headDim).Select(TRows.PositionOf)];
        rowBytes = headDim * TensorLayout.SizeOf(call.Specification.Element);
        long rowFloats = (long)layout.Rows * headDim, weightFloats = (long)layout.Rows * keyBlock;
        long tileFloats = converted ? (long)keyBlock * headDim : headDim;
        memory = new NativeFloats(rowFloats + (2 * weightFloats) + (2 * layout.Rows) + TSimd.Lanes + tileFloats).First;
        query = memory;
        logits = query + rowFloats;
        pendingWeights = logits + weightFloats;
        floats = pendingWeights + weightFloats;
        shift = floats + tileFloats;
        tileMaximum = shift + TSimd.Lanes;
        decay = tileMaximum + layout.Rows;
        rowMemory = (byte**)NativeMemory.Alloc((nuint)(3 * keyBlock * sizeof(byte*)));
        keys = rowMemory;
        nextKeys = keys + keyBlock;
        values = nextKeys + keyBlock;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(memory);
        NativeMemory.Free(rowMemory);
    }

    /// <summary>Turns to one key/value head of a sequence: reads its query rows, scaled, in kernel order. Rows that fill the last panel are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Begin(int sequence, int keyHead)
    {
        this.sequence = sequence;
        this.keyHead = keyHead;
        queries = call.QueryLengthOf(sequence);
        rows = call.GroupSize * queries;
        panels = (rows + Panel - 1) / Panel;
        tiles = call.DecodeTiles(sequence);
        float factor = (float)(call.Scale * AttentionCall.Log2E);
        new Span<float>(query + ((long)rows * headDim), ((panels * Panel) - rows) * headDim).Clear();
        for (int row = 0; row < rows; row++)
        {
            call.Query.Read(sequence, row % queries, (keyHead * call.GroupSize) + (row / queries), floats);
            float* vector = query + ((long)row * headDim);
            for (int i = 0; i < positions.Length; i++)
            {
                vector[positions[i]] = floats[i] * factor;
            }
        }
    }

    /// <summary>Writes each row's largest logit over the sink tile and the newest tile.</summary>
    public void FindSeeds(float* seeds)
    {
        if (tiles == 0)
        {
            return;
        }
        FindKeys(0, keys);
        ComputeLogits(0, default);
        new ReadOnlySpan<float>(tileMaximum, panels * Panel).CopyTo(new(seeds, panels * Panel));
        FindKeys(tiles - 1, keys);
        ComputeLogits(tiles - 1, default);
        for (int row = 0; row < panels * Panel; row++)
        {
            seeds[row] = MathF.Max(seeds[row], tileMaximum[row]);
        }
    }

    /// <summary>Attends to a range of tiles: decisions, counters and the rows' partial results.</summary>
    /// <param name="firstTile">The first.</param>
    /// <param name="count">How many, where the sequence has so many.</param>
    /// <param name="seeds">Of <see cref="FindSeeds"/>; not read for <see cref="ThresholdMode.Off"/>.</param>
    /// <param name="partial">Written.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Attend(int firstTile, int count, float* seeds, DecodePartial partial)
    {
        new Span<float>(partial.Maximum, panels * Panel).Fill(float.NegativeInfinity);
        new Span<float>(partial.Denominator, panels * Panel).Clear();
        new Span<float>(partial.Numerators, panels * Panel * headDim).Clear();
        TileDecision* decisions = call.DecisionsOf(sequence, keyHead, 0);
        int lastTile = Math.Min(firstTile + count, tiles);
        int skipped = 0;
        int pending = -1;
        FindKeys(firstTile, nextKeys);
        for (int tile = firstTile; tile < lastTile; tile++)
        {
            SwapKeys();
            RowsAhead following = default;
            if (tile + 1 < lastTile)
            {
                FindKeys(tile + 1, nextKeys);
                following = new(nextKeys, KeysOf(tile + 1), rowBytes);
            }
            ComputeLogits(tile, pending >= 0 ? new(values, KeysOf(pending), rowBytes) : tile == firstTile ? ReadAhead(keys, KeysOf(tile)) : following);
            bool skip = IsSkipped(tile, seeds);
            skipped += skip ? 1 : 0;
            if (decisions is not null)
            {
                decisions[tile] = skip ? TileDecision.Skipped : TileDecision.Kept;
            }
            if (pending >= 0)
            {
                SumValues(pending, partial, following);
            }
            pending = skip ? -1 : tile;
            if (!skip)
            {
                Weigh(tile, partial);
                CachedRows.Find(call, call.Value, sequence, keyHead, tile * keyBlock, KeysOf(tile), values);
                SwapWeights();
            }
        }
        if (pending >= 0)
        {
            SumValues(pending, partial, ReadAhead(values, KeysOf(pending)));
        }
        call.Count(sequence, keyHead, lastTile - firstTile, skipped);
    }

    /// <summary>Whether all rows agree that a tile's logits lie too far below the seeds. The tiles of the seeds are always kept.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool IsSkipped(int tile, float* seeds)
    {
        float log2Threshold = call.Log2ThresholdOf(sequence);
        if (call.Specification.Threshold == ThresholdMode.Off || tile == 0 || tile == tiles - 1)
        {
            return false;
        }
        for (int row = 0; row < rows; row++)
        {
            if (!SkipRule.Agrees(tileMaximum[row], seeds[row], log2Threshold))
            {
                return false;
            }
        }
        return true;
    }

    private void FindKeys(int tile, byte** rowsOfTile) =>
        CachedRows.Find(call, call.Key, sequence, keyHead, tile * keyBlock, KeysOf(tile), rowsOfTile);

    /// <summary>Logits of <see cref="keys"/> for all rows, −∞ where a row doesn't see the key, and their maxima.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeLogits(int tile, RowsAhead ahead)
    {
        int count = KeysOf(tile);
        Convert(keys, count);
        int padded = Padded(count);
        for (int panel = 0; panel < panels; panel++)
        {
            float* of = logits + ((long)panel * Panel * keyBlock);
            DecodeKernels<TSimd, TVector, TRows>.Logits(query + ((long)panel * Panel * headDim), keys, count, headDim, of, ahead);
            ahead = default;
            new Span<float>(of + (count * Panel), (padded - count) * Panel).Fill(float.NegativeInfinity);
            for (int row = panel * Panel; row < Math.Min(rows, (panel + 1) * Panel); row++)
            {
                for (int key = Math.Max(0, call.VisibleKeys(sequence, row % queries) - (tile * keyBlock)); key < count; key++)
                {
                    of[(key * Panel) + (row % Panel)] = float.NegativeInfinity;
                }
            }
            DecodeKernels<TSimd, TVector, TRows>.Maximum(of, padded, tileMaximum + (panel * Panel));
        }
    }

    /// <summary>Turns a kept tile's logits into weights; m and l take it in, and the numerators' decay is noted for when its values are summed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Weigh(int tile, DecodePartial partial)
    {
        float* sum = stackalloc float[Panel];
        float* before = stackalloc float[Panel];
        float* factors = stackalloc float[TSimd.Lanes];
        for (int panel = 0; panel < panels; panel++)
        {
            int first = panel * Panel;
            for (int lane = 0; lane < Panel; lane++)
            {
                before[lane] = partial.Maximum[first + lane];
                float after = MathF.Max(before[lane], tileMaximum[first + lane]);
                partial.Maximum[first + lane] = after;
                // A row without any key so far has m = −∞; −∞ − 0 keeps its weights 0 where −∞ − (−∞) would be NaN.
                shift[lane] = float.IsNegativeInfinity(after) ? 0 : after;
            }
            DecodeKernels<TSimd, TVector, TRows>.Exponentiate(logits + ((long)first * keyBlock), Padded(KeysOf(tile)), shift, sum);
            TSimd.Store(Exponential.Exp2<TSimd, TVector>(TSimd.Subtract(TSimd.RepeatFour(before), TSimd.RepeatFour(shift))), factors);
            for (int lane = 0; lane < Panel; lane++)
            {
                decay[first + lane] = factors[lane];
                partial.Denominator[first + lane] = (partial.Denominator[first + lane] * factors[lane]) + sum[lane];
            }
        }
    }

    private void SumValues(int tile, DecodePartial partial, RowsAhead ahead)
    {
        int count = KeysOf(tile);
        Convert(values, count);
        for (int panel = 0; panel < panels; panel++)
        {
            int first = panel * Panel;
            DecodeKernels<TSimd, TVector, TRows>.Accumulate(pendingWeights + ((long)first * keyBlock), values, count, headDim, decay + first,
                partial.Numerators + ((long)first * headDim), ahead);
            ahead = default;
        }
    }

    /// <summary>float16 has no load that widens on its own: its rows are converted, and the addresses changed to where they are then.</summary>
    private void Convert(byte** tileRows, int count)
    {
        for (int row = 0; converted && row < count; row++)
        {
            call.Key.Widen(tileRows[row], floats + ((long)row * headDim));
            tileRows[row] = (byte*)(floats + ((long)row * headDim));
        }
    }

    /// <summary>Fetches the first rows of a tile, and has its own kernel fetch the others ahead of their use.</summary>
    private RowsAhead ReadAhead(byte** tileRows, int count)
    {
        RowsAhead first = new(tileRows, Math.Min(count, ColdDistance), rowBytes);
        for (int row = 0; row < ColdDistance; row++)
        {
            first.Prefetch(row);
        }
        return new(tileRows + ColdDistance, Math.Max(0, count - ColdDistance), rowBytes);
    }

    private void SwapKeys()
    {
        byte** current = keys;
        keys = nextKeys;
        nextKeys = current;
    }

    private void SwapWeights()
    {
        float* current = logits;
        logits = pendingWeights;
        pendingWeights = current;
    }

    private int KeysOf(int tile) => Math.Min(keyBlock, call.VisibleKeys(sequence, queries - 1) - (tile * keyBlock));

    private static int Padded(int count)
    {
        int step = TSimd.Lanes / Panel;
        return (count + step - 1) / step * step;
    }
}
