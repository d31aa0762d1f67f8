using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace SkipSoftmax.Cpu;

/// <summary>
/// One thread's work on neighbouring key/value heads of a sequence, and its scratch memory. It walks through keys and values in the order of
/// memory where heads lie within tokens: token by token, head by head. The values of a tile follow the keys of the next one, so that what is
/// worked on next is always known in time to be fetched.
/// </summary>
internal sealed unsafe class DecodeWorker<TSimd, TVector, TRows> : IDisposable
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where TRows : struct, IRowElements<TSimd, TVector>
{
    private const int Panel = DecodeKernels<TSimd, TVector, TRows>.Panel;

    private readonly AttentionCall call;
    private readonly DecodeLayout layout;
    private readonly int keyBlock;
    private readonly int headDim;
    private readonly bool converted;
    private readonly int[] positions;
    private readonly int* allHeads;
    private readonly int* keptHeads;
    private readonly float* memory;
    private readonly byte** addresses;
    private readonly byte** convertedTokens;
    private readonly float* query;
    private float* logits;
    private float* weights;
    private readonly float* tileMaximum;
    private readonly float* decay;
    private readonly float* floats;
    private readonly CachedRows values;
    private CachedRows keys;
    private CachedRows nextKeys;

    /// <summary>Tokens of the tile that comes next that have been fetched.</summary>
    private int fetched;

    private int sequence = -1;
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
        long stateFloats = (long)mostHeads * layout.Rows, queryFloats = stateFloats * headDim, logitFloats = stateFloats * keyBlock;
        long tileFloats = converted ? (long)mostHeads * keyBlock * headDim : headDim;
        memory = new NativeFloats(queryFloats + (2 * logitFloats) + tileFloats + (2 * stateFloats)).First;
        query = memory;
        logits = query + queryFloats;
        weights = logits + logitFloats;
        floats = weights + logitFloats;
        decay = floats + tileFloats;
        tileMaximum = decay + stateFloats;
        addresses = (byte**)NativeMemory.Alloc((nuint)((4L * keyBlock * sizeof(byte*)) + (2L * mostHeads * sizeof(int))));
        keys = new(call, call.Key, addresses);
        nextKeys = new(call, call.Key, addresses + keyBlock);
        values = new(call, call.Value, addresses + (2 * keyBlock));
        convertedTokens = addresses + (3 * keyBlock);
        allHeads = (int*)(addresses + (4 * keyBlock));
        keptHeads = allHeads + mostHeads;
        for (int head = 0; head < mostHeads; head++)
        {
            allHeads[head] = head;
        }
        for (int token = 0; token < keyBlock && converted; token++)
        {
            convertedTokens[token] = (byte*)(floats + ((long)token * mostHeads * headDim));
        }
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(memory);
        NativeMemory.Free(addresses);
    }

    /// <summary>Turns to some heads of a sequence: reads their query rows, scaled, in kernel order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Begin(int sequence, int firstHead, int heads)
    {
        if ((this.sequence, this.firstHead, this.heads) == (sequence, firstHead, heads))
        {
            return; // another range of the same
        }
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
        }
    }

    /// <summary>Writes the largest logit of each row over the sink tile and the newest tile.</summary>
    /// <param name="seeds">Of each head.</param>
    public void FindSeeds(float* seeds)
    {
        new Span<float>(seeds, heads * layout.Rows).Fill(float.NegativeInfinity);
        for (int tile = 0; tile < tiles; tile += Math.Max(1, tiles - 1))
        {
            ComputeLogits(tile, FindKeys(keys, tile), next: default);
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
        TileRows following = FindKeys(nextKeys, firstTile);
        TileRows pending = default; // values of the tile before, of the heads that keep it
        for (int tile = firstTile; tile < lastTile; tile++)
        {
            TileRows current = following;
            (keys, nextKeys) = (nextKeys, keys);
            following = tile + 1 < lastTile ? FindKeys(nextKeys, tile + 1) : default;
            ComputeLogits(tile, current, pending.Count > 0 ? pending : following);
            SumValues(pending, following, partials);
            int kept = Decide(tile, seeds);
            for (int i = 0; i < kept; i++)
            {
                Weigh(keptHeads[i], tile, layout.Partial(partials, keptHeads[i]));
            }
            pending = kept > 0 ? values.Find(sequence, firstHead, tile * keyBlock, KeysOf(tile), keptHeads, kept) : default;
            SwapWeights();
        }
        SumValues(pending, next: default, partials);
    }

    /// <summary>Decides about a tile for each head, and notes which keep it.</summary>
    /// <returns>How many do.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Decide(int tile, float* seeds)
    {
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
        return kept;
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
    private void ComputeLogits(int tile, TileRows current, in TileRows next)
    {
        int ahead = BeginTile(ref current, next);
        for (int key = 0; key < current.Length; key += TileRows.Step)
        {
            for (int head = 0; head < heads; head++)
            {
                TouchPages(next, key, head, heads);
                DecodeKernels<TSimd, TVector, TRows>.Logits(QueryOf(head), rows, current.From(head, key), current.Ahead(head, key, ahead, next), headDim,
                    PanelOf(logits, head, 0) + (key * Panel), Panel * keyBlock);
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
            float* of = PanelOf(logits, head, panel);
            new Span<float>(of + (count * Panel), (padded - count) * Panel).Fill(float.NegativeInfinity);
            for (int row = panel * Panel; row < Math.Min(rows, (panel + 1) * Panel); row++)
            {
                for (int key = Math.Max(0, call.VisibleKeys(sequence, row % queries) - (tile * keyBlock)); key < count; key++)
                {
                    of[(key * Panel) + (row % Panel)] = float.NegativeInfinity;
                }
            }
            DecodeKernels<TSimd, TVector, TRows>.Maximum(of, padded).Store(MaximumOf(head) + (panel * Panel));
        }
    }

    /// <summary>Adds the values of a tile for the heads that keep it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SumValues(TileRows current, in TileRows next, float* partials)
    {
        if (current.Count == 0)
        {
            return;
        }
        int ahead = BeginTile(ref current, next);
        for (int key = 0; key < current.Length; key += TileRows.Step)
        {
            for (int i = 0; i < current.Count; i++)
            {
                int head = current.Head(i);
                TouchPages(next, key, i, current.Count);
                DecodeKernels<TSimd, TVector, TRows>.Accumulate(PanelOf(weights, head, 0) + (key * Panel), Panel * keyBlock, rows, current.From(i, key),
                    current.Ahead(i, key, ahead, next), Math.Min(TileRows.Step, current.Length - key), headDim,
                    key == 0 ? decay + ((long)head * layout.Rows) : null, layout.Partial(partials, head).Numerators);
            }
        }
    }

    /// <summary>The share of one of so many heads in touching the pages of the next tile, while some of this one's tokens are worked on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TouchPages(in TileRows next, int token, int index, int count) =>
        next.TouchPages(token + (TileRows.Step * index / count), token + (TileRows.Step * (index + 1) / count));

    /// <summary>Fetches what of a tile's beginning has not been fetched beside the one before, and turns to the converted rows where kernels don't read its own.</summary>
    /// <returns>Tokens by which its rows are fetched ahead.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int BeginTile(ref TileRows current, in TileRows next)
    {
        int ahead = current.TokensAhead;
        current.FetchFirst(fetched, ahead);
        fetched = next.Count > 0 ? ahead : 0;
        current = converted ? Convert(current) : current;
        return ahead;
    }

    private TileRows FindKeys(in CachedRows cached, int tile) => cached.Find(sequence, firstHead, tile * keyBlock, KeysOf(tile), allHeads, heads);

    private void SwapWeights()
    {
        float* written = logits;
        logits = weights;
        weights = written;
    }

    /// <summary>Turns a kept tile's logits into weights; m and l take it in, and the decay of the numerators is noted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Weigh(int head, int tile, DecodePartial partial)
    {
        for (int panel = 0; panel < panels; panel++)
        {
            int first = panel * Panel;
            Vector128<float> before = Vector128.Load(partial.Maximum + first);
            Vector128<float> after = Vector128.Max(before, Vector128.Load(MaximumOf(head) + first));
            // A row without any key so far has m = −∞; −∞ − 0 keeps its weights 0 where −∞ − (−∞) would be NaN.
            Vector128<float> shift = Vector128.ConditionalSelect(Vector128.IsNegativeInfinity(after), Vector128<float>.Zero, after);
            Vector128<float> sum = DecodeKernels<TSimd, TVector, TRows>.Exponentiate(PanelOf(logits, head, panel), Padded(KeysOf(tile)), shift);
            Vector128<float> factor = Exponential.Exp2<Simd128, Vector128<float>>(before - shift);
            after.Store(partial.Maximum + first);
            factor.Store(decay + ((long)head * layout.Rows) + first);
            ((Vector128.Load(partial.Denominator + first) * factor) + sum).Store(partial.Denominator + first);
        }
    }

    /// <summary>float16 has no load that widens on its own: its rows are converted.</summary>
    private TileRows Convert(in TileRows current)
    {
        for (int token = 0; token < current.Length; token++)
        {
            for (int i = 0; i < current.Count; i++)
            {
                call.Key.Widen(current.From(i, token)[0], (float*)convertedTokens[token] + (current.Head(i) * headDim));
            }
        }
        return current.MovedTo(convertedTokens, headDim * sizeof(float));
    }

    private float* QueryOf(int head) => query + ((long)head * layout.Rows * headDim);

    private float* PanelOf(float* first, int head, int panel) => first + ((((long)head * layout.Rows) + (panel * Panel)) * keyBlock);

    private float* MaximumOf(int head) => tileMaximum + ((long)head * layout.Rows);

    private int KeysOf(int tile) => Math.Min(keyBlock, call.VisibleKeys(sequence, queries - 1) - (tile * keyBlock));

    private static int Padded(int count)
    {
        int step = TSimd.Lanes / Panel;
        return (count + step - 1) / step * step;
    }
}
