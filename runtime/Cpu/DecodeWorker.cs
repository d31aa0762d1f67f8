using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SkipSoftmax.Cpu;

/// <summary>
/// One thread's work on neighbouring key/value heads of a sequence, and its scratch memory. It walks through keys and values in the order of
/// memory where heads lie within tokens: token by token, head by head, with what comes some tokens later being fetched meanwhile.
/// </summary>
internal sealed unsafe class DecodeWorker<TSimd, TVector, TRows> : IDisposable
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where TRows : struct, IRowElements<TSimd, TVector>
{
    private const int Panel = DecodeKernels<TSimd, TVector, TRows>.Panel;

    /// <summary>Keys whose values are summed in one go: enough that loading and storing the numerators is a small part.</summary>
    private const int ValueStep = 4;

    private readonly AttentionCall call;
    private readonly DecodeLayout layout;
    private readonly int keyBlock;
    private readonly int headDim;
    private readonly bool converted;
    private readonly int[] positions;
    private readonly int[] keptHeads;
    private readonly float* memory;
    private readonly byte** addresses;
    private readonly float* query;
    private readonly float* logits;
    private readonly float* tileMaximum;
    private readonly float* decay;
    private readonly float* shift;
    private readonly float* floats;
    private readonly CachedRows keys;
    private readonly CachedRows values;

    private int sequence;
    private int firstHead;
    private int heads;
    private int queries;
    private int rows;
    private int panels;
    private int tiles;

    /// <param name="call">The call.</param>
    /// <param name="layout">Of the rows of one head.</param>
    /// <param name="mostHeads">Heads in one go.</param>
    public DecodeWorker(AttentionCall call, DecodeLayout layout, int mostHeads)
    {
        this.call = call;
        this.layout = layout;
        keyBlock = call.Specification.KeyBlock;
        headDim = call.HeadDim;
        converted = call.Specification.Element == ElementType.Float16;
        positions = [.. Enumerable.Range(0, headDim).Select(TRows.PositionOf)];
        keptHeads = new int[mostHeads];
        long stateFloats = (long)mostHeads * layout.Rows, queryFloats = stateFloats * headDim, logitFloats = stateFloats * keyBlock;
        long tileFloats = converted ? (long)mostHeads * keyBlock * headDim : headDim;
        memory = new NativeFloats(queryFloats + logitFloats + tileFloats + TSimd.Lanes + (2 * stateFloats)).First;
        query = memory;
        logits = query + queryFloats;
        floats = logits + logitFloats;
        shift = floats + tileFloats;
        decay = shift + TSimd.Lanes;
        tileMaximum = decay + stateFloats;
        int count = CachedRows.Count(mostHeads, keyBlock);
        addresses = (byte**)NativeMemory.Alloc((nuint)(2 * count * sizeof(byte*)));
        keys = new(call, call.Key, keyBlock, addresses);
        values = new(call, call.Value, keyBlock, addresses + count);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(memory);
        NativeMemory.Free(addresses);
    }

    /// <summary>Turns to some heads of a sequence: reads their query rows, scaled, in kernel order. Rows that fill the last panel are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Begin(int sequence, int firstHead, int heads)
    {
        (this.sequence, this.firstHead, this.heads) = (sequence, firstHead, heads);
        queries = call.QueryLengthOf(sequence);
        rows = call.GroupSize * queries;
        panels = (rows + Panel - 1) / Panel;
        tiles = call.DecodeTiles(sequence);
        float factor = (float)(call.Scale * AttentionCall.Log2E);
        for (int head = 0; head < heads; head++)
        {
            float* vector = QueryOf(head);
            for (int row = 0; row < rows; row++, vector += headDim)
            {
                call.Query.Read(sequence, row % queries, ((firstHead + head) * call.GroupSize) + (row / queries), floats);
                for (int i = 0; i < positions.Length; i++)
                {
                    vector[positions[i]] = floats[i] * factor;
                }
            }
            new Span<float>(vector, ((panels * Panel) - rows) * headDim).Clear();
        }
    }

    /// <summary>Writes the largest logit of each row over the sink tile and the newest tile.</summary>
    /// <param name="seeds">Of each head.</param>
    public void FindSeeds(float* seeds)
    {
        new Span<float>(seeds, heads * layout.Rows).Fill(float.NegativeInfinity);
        for (int tile = 0; tile < tiles; tile += Math.Max(1, tiles - 1))
        {
            ComputeLogits(tile);
            for (int row = 0; row < heads * layout.Rows; row++)
            {
                seeds[row] = row % layout.Rows < rows ? MathF.Max(seeds[row], tileMaximum[row]) : seeds[row];
            }
        }
    }

    /// <summary>Attends to a range of tiles: decisions, counters and the rows' partial results.</summary>
    /// <param name="firstTile">The first.</param>
    /// <param name="count">How many, where the sequence has so many.</param>
    /// <param name="seeds">Of <see cref="FindSeeds"/>; not read for <see cref="ThresholdMode.Off"/>.</param>
    /// <param name="partials">Written: the first head's; the others' follow.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Attend(int firstTile, int count, float* seeds, float* partials)
    {
        for (int head = 0; head < heads; head++)
        {
            DecodePartial partial = layout.Partial(partials, head);
            new Span<float>(partial.Maximum, layout.Rows).Fill(float.NegativeInfinity);
            new Span<float>(partial.Denominator, layout.Rows).Clear();
            new Span<float>(partial.Numerators, panels * Panel * headDim).Clear();
        }
        int lastTile = Math.Min(firstTile + count, tiles);
        for (int tile = firstTile; tile < lastTile; tile++)
        {
            ComputeLogits(tile);
            int kept = 0;
            for (int head = 0; head < heads; head++)
            {
                bool skip = IsSkipped(head, tile, seeds + ((long)head * layout.Rows));
                TileDecision* decisions = call.DecisionsOf(sequence, firstHead + head, 0);
                if (decisions is not null)
                {
                    decisions[tile] = skip ? TileDecision.Skipped : TileDecision.Kept;
                }
                call.Count(sequence, firstHead + head, 1, skip ? 1 : 0);
                if (!skip)
                {
                    keptHeads[kept++] = head;
                }
            }
            SumValues(keptHeads.AsSpan(0, kept), tile, partials);
        }
    }

    /// <summary>Whether all rows of a head agree that a tile's logits lie too far below the seeds. The tiles of the seeds are always kept.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool IsSkipped(int head, int tile, float* seeds)
    {
        float log2Threshold = call.Log2ThresholdOf(sequence);
        if (call.Specification.Threshold == ThresholdMode.Off || tile == 0 || tile == tiles - 1)
        {
            return false;
        }
        float* maximum = MaximumOf(head);
        for (int row = 0; row < rows; row++)
        {
            if (!SkipRule.Agrees(maximum[row], seeds[row], log2Threshold))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Logits of a tile for all rows of all heads, −∞ where a row doesn't see the key, and their maxima.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeLogits(int tile)
    {
        int count = KeysOf(tile);
        int ahead = keys.TokensAhead(heads);
        for (int head = 0; head < heads; head++)
        {
            keys.Find(head, sequence, firstHead + head, tile * keyBlock, count);
            keys.Fetch(keys.Of(head), 0, Math.Min(ahead, count));
            Convert(head, keys.Of(head), count);
        }
        for (int key = 0; key < count; key += 2)
        {
            for (int head = 0; head < heads; head++)
            {
                byte** of = keys.Of(head);
                keys.Fetch(of, key + ahead, Math.Min(key + ahead + 2, count));
                // An odd number of keys writes one more, which is masked below.
                DecodeKernels<TSimd, TVector, TRows>.Logits(QueryOf(head), panels, of[key], of[Math.Min(key + 1, count - 1)], headDim,
                    LogitsOf(head, 0) + (key * Panel), Panel * keyBlock);
            }
        }
        for (int head = 0; head < heads; head++)
        {
            MaskAndFindMaxima(head, tile);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MaskAndFindMaxima(int head, int tile)
    {
        int count = KeysOf(tile);
        int padded = Padded(count);
        for (int panel = 0; panel < panels; panel++)
        {
            float* of = LogitsOf(head, panel);
            new Span<float>(of + (count * Panel), (padded - count) * Panel).Fill(float.NegativeInfinity);
            for (int row = panel * Panel; row < Math.Min(rows, (panel + 1) * Panel); row++)
            {
                for (int key = Math.Max(0, call.VisibleKeys(sequence, row % queries) - (tile * keyBlock)); key < count; key++)
                {
                    of[(key * Panel) + (row % Panel)] = float.NegativeInfinity;
                }
            }
            DecodeKernels<TSimd, TVector, TRows>.Maximum(of, padded, MaximumOf(head) + (panel * Panel));
        }
    }

    /// <summary>Takes a tile into the softmax of the heads that keep it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SumValues(ReadOnlySpan<int> kept, int tile, float* partials)
    {
        int count = KeysOf(tile);
        int ahead = values.TokensAhead(Math.Max(1, kept.Length));
        foreach (int head in kept)
        {
            values.Find(head, sequence, firstHead + head, tile * keyBlock, count);
            values.Fetch(values.Of(head), 0, Math.Min(ahead, count));
        }
        foreach (int head in kept)
        {
            Convert(head, values.Of(head), count);
            Weigh(head, tile, layout.Partial(partials, head));
        }
        for (int key = 0; key < count; key += ValueStep)
        {
            foreach (int head in kept)
            {
                byte** of = values.Of(head);
                values.Fetch(of, key + ahead, Math.Min(key + ahead + ValueStep, count));
                DecodeKernels<TSimd, TVector, TRows>.Accumulate(LogitsOf(head, 0) + (key * Panel), Panel * keyBlock, panels, of + key, Math.Min(ValueStep, count - key),
                    headDim, key == 0 ? decay + ((long)head * layout.Rows) : null, layout.Partial(partials, head).Numerators);
            }
        }
    }

    /// <summary>Turns a kept tile's logits into weights; m and l take it in, and the decay of the numerators is noted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Weigh(int head, int tile, DecodePartial partial)
    {
        float* sum = stackalloc float[Panel];
        float* before = stackalloc float[Panel];
        float* factors = stackalloc float[TSimd.Lanes];
        float* maximum = MaximumOf(head);
        for (int panel = 0; panel < panels; panel++)
        {
            int first = panel * Panel;
            for (int lane = 0; lane < Panel; lane++)
            {
                before[lane] = partial.Maximum[first + lane];
                float after = MathF.Max(before[lane], maximum[first + lane]);
                partial.Maximum[first + lane] = after;
                // A row without any key so far has m = −∞; −∞ − 0 keeps its weights 0 where −∞ − (−∞) would be NaN.
                shift[lane] = float.IsNegativeInfinity(after) ? 0 : after;
            }
            DecodeKernels<TSimd, TVector, TRows>.Exponentiate(LogitsOf(head, panel), Padded(KeysOf(tile)), shift, sum);
            TSimd.Store(Exponential.Exp2<TSimd, TVector>(TSimd.Subtract(TSimd.RepeatFour(before), TSimd.RepeatFour(shift))), factors);
            for (int lane = 0; lane < Panel; lane++)
            {
                decay[((long)head * layout.Rows) + first + lane] = factors[lane];
                partial.Denominator[first + lane] = (partial.Denominator[first + lane] * factors[lane]) + sum[lane];
            }
        }
    }

    /// <summary>float16 has no load that widens on its own: its rows are converted, and the addresses changed to where they are then.</summary>
    private void Convert(int head, byte** tileRows, int count)
    {
        float* first = floats + ((long)head * keyBlock * headDim);
        for (int row = 0; converted && row < count; row++)
        {
            call.Key.Widen(tileRows[row], first + ((long)row * headDim));
            tileRows[row] = (byte*)(first + ((long)row * headDim));
        }
    }

    private float* QueryOf(int head) => query + ((long)head * layout.Rows * headDim);

    private float* LogitsOf(int head, int panel) => logits + ((((long)head * layout.Rows) + (panel * Panel)) * keyBlock);

    private float* MaximumOf(int head) => tileMaximum + ((long)head * layout.Rows);

    private int KeysOf(int tile) => Math.Min(keyBlock, call.VisibleKeys(sequence, queries - 1) - (tile * keyBlock));

    private static int Padded(int count)
    {
        int step = TSimd.Lanes / Panel;
        return (count + step - 1) / step * step;
    }
}
