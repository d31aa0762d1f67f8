using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Attention of a few query rows against a long cache. Each sequence is cut into ranges of a fixed number of tiles, which threads take
/// one by one; their partial results are combined in order. Tiles are judged against maxima that are found first, over the sink
/// tile and the newest tile (docs/decode.md), so that neither the cut nor the number of threads changes a decision or a bit.
/// </summary>
internal static class DecodeAttention<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    public static void Run(AttentionCall call, int workers, int tilesPerRange)
    {
        if (call.Specification.Element == ElementType.BFloat16)
        {
            DecodeRun<TSimd, TVector, BFloat16Rows<TSimd, TVector>>.Run(call, workers, tilesPerRange);
        }
        else
        {
            DecodeRun<TSimd, TVector, Float32Rows<TSimd, TVector>>.Run(call, workers, tilesPerRange);
        }
    }
}

/// <summary>Decode for one way of reading rows: what is shared among the threads, wave by wave of sequences.</summary>
internal sealed unsafe class DecodeRun<TSimd, TVector, TRows>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where TRows : struct, IRowElements<TSimd, TVector>
{
    /// <summary>Bytes of a token's keys that are worked on in one go: a run that memory is read fast in, while the numerators of its heads stay in the
    /// first-level cache.</summary>
    private const int BytesAtOnce = 4 << 10;

    /// <summary>Memory the partial results of a wave may take, as long as it holds one sequence.</summary>
    private const long WaveBytes = 32L << 20;

    private const int Panel = DecodeKernels<TSimd, TVector, TRows>.Panel;

    private readonly AttentionCall call;
    private readonly int workers;
    private readonly int tilesPerRange;
    private readonly DecodeLayout layout;
    private readonly int headsAtOnce;
    private readonly int headBlocks;

    /// <summary>Ranges before each sequence of the wave and, last, all of them.</summary>
    private readonly List<long> rangesBefore = [0];

    private int firstSequence;
    private float* seeds;
    private float* partials;

    private DecodeRun(AttentionCall call, int workers, int tilesPerRange)
    {
        this.call = call;
        this.workers = workers;
        this.tilesPerRange = tilesPerRange;
        layout = new(call.GroupSize * call.QueryCapacity, call.HeadDim);
        headsAtOnce = call.Key.HeadsWithinTokens ? Math.Clamp(BytesAtOnce / call.Key.RowBytes, 1, call.KeyValueHeads) : 1;
        headBlocks = (call.KeyValueHeads + headsAtOnce - 1) / headsAtOnce;
    }

    public static void Run(AttentionCall call, int workers, int tilesPerRange) =>
        new DecodeRun<TSimd, TVector, TRows>(call, workers, tilesPerRange).RunWaves();

    private void RunWaves()
    {
        long most = Math.Max(1, WaveBytes / (call.KeyValueHeads * layout.PartialFloats * sizeof(float)));
        for (int sequence = 0; sequence < call.Batch; sequence++)
        {
            long ranges = RangesOf(sequence);
            if (rangesBefore[^1] + ranges > most && sequence > firstSequence)
            {
                RunWave();
                firstSequence = sequence;
                rangesBefore.RemoveRange(1, rangesBefore.Count - 1);
            }
            rangesBefore.Add(rangesBefore[^1] + ranges);
        }
        RunWave();
    }

    private void RunWave()
    {
        int sequences = rangesBefore.Count - 1;
        using var seedMemory = new NativeFloats((long)sequences * call.KeyValueHeads * layout.Rows);
        using var partialMemory = new NativeFloats(rangesBefore[^1] * call.KeyValueHeads * layout.PartialFloats);
        seeds = seedMemory.First;
        partials = partialMemory.First;
        WorkSharing.Run(workers, call.Specification.Threshold == ThresholdMode.Off ? 0 : (long)sequences * headBlocks, queue =>
        {
            using var worker = new DecodeWorker<TSimd, TVector, TRows>(call, layout, headsAtOnce);
            while (queue.TryTake(out long item))
            {
                int slot = (int)(item / headBlocks);
                int head = BeginBlock(worker, slot, (int)(item % headBlocks));
                worker.FindSeeds(SeedsOf(slot, head));
            }
        });
        long[] rangesLeft = [.. Enumerable.Range(0, sequences * headBlocks).Select(i => RangesOf(firstSequence + (i / headBlocks)))];
        WorkSharing.Run(workers, rangesBefore[^1] * headBlocks, queue =>
        {
            using var worker = new DecodeWorker<TSimd, TVector, TRows>(call, layout, headsAtOnce);
            while (queue.TryTake(out long item))
            {
                (long range, long block) = Math.DivRem(item, headBlocks);
                int slot = SlotOf(range);
                int head = BeginBlock(worker, slot, (int)block);
                worker.Attend((int)(range - rangesBefore[slot]) * tilesPerRange, tilesPerRange, SeedsOf(slot, head), PartialOf(range, head));
                if (Interlocked.Decrement(ref rangesLeft[(slot * headBlocks) + block]) == 0)
                {
                    CombineBlock(slot, (int)block); // by whoever is the last: nobody waits
                }
            }
        });
        for (int slot = 0; slot < sequences; slot++)
        {
            for (int block = 0; block < headBlocks && RangesOf(firstSequence + slot) == 0; block++)
            {
                CombineBlock(slot, block);
            }
        }
    }

    private void CombineBlock(int slot, int block)
    {
        using var memory = new NativeFloats((Panel + 1L) * call.HeadDim);
        for (int head = block * headsAtOnce; head < Math.Min((block + 1) * headsAtOnce, call.KeyValueHeads); head++)
        {
            Combine(slot, head, memory.First);
        }
    }

    /// <summary>
    /// Sums the partial results of a key/value head of a sequence in the order of their ranges, each weighted by <c>2^(its maximum − the largest)</c>,
    /// and writes its rows.
    /// </summary>
    /// <param name="slot">The sequence.</param>
    /// <param name="keyHead">The head.</param>
    /// <param name="memory">For the numerators of a panel's rows, and of one row more.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Combine(int slot, int keyHead, float* memory)
    {
        int sequence = firstSequence + slot;
        int queries = call.QueryLengthOf(sequence);
        int rows = call.GroupSize * queries;
        float* inOrder = memory + (Panel * call.HeadDim);
        for (int first = 0; first < rows; first += Panel)
        {
            int count = Math.Min(Panel, rows - first);
            var maximum = Vector128.Create(float.NegativeInfinity);
            for (long range = rangesBefore[slot]; range < rangesBefore[slot + 1]; range++)
            {
                maximum = Vector128.Max(maximum, Vector128.Load(layout.Partial(PartialOf(range, keyHead), 0).Maximum + first));
            }
            Vector128<float> denominator = default;
            new Span<float>(memory, count * call.HeadDim).Clear();
            for (long range = rangesBefore[slot]; range < rangesBefore[slot + 1]; range++)
            {
                DecodePartial partial = layout.Partial(PartialOf(range, keyHead), 0);
                var before = Vector128.Load(partial.Maximum + first);
                Vector128<float> factor = Exponential.Exp2<Simd128, Vector128<float>>(before - maximum);
                Vector128<float> sawKeys = ~Vector128.IsNegativeInfinity(before);
                denominator += (factor * Vector128.Load(partial.Denominator + first)) & sawKeys;
                for (int row = 0; row < count; row++)
                {
                    if (!float.IsNegativeInfinity(before[row]))
                    {
                        AddScaled(factor[row], partial.Numerators + ((long)(first + row) * call.HeadDim), memory + (row * call.HeadDim));
                    }
                }
            }
            for (int row = 0; row < count; row++)
            {
                for (int i = 0; i < call.HeadDim; i++)
                {
                    inOrder[i] = memory[(row * call.HeadDim) + TRows.PositionOf(i)];
                }
                (int group, int query) = Math.DivRem(first + row, queries);
                call.WriteRow(sequence, (keyHead * call.GroupSize) + group, query, maximum[row], denominator[row], inOrder);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void AddScaled(float factor, float* source, float* destination)
    {
        TVector factors = TSimd.Broadcast(factor);
        for (int i = 0; i < call.HeadDim; i += TSimd.Lanes)
        {
            TSimd.Store(TSimd.FusedMultiplyAdd(factors, TSimd.Load(source + i), TSimd.Load(destination + i)), destination + i);
        }
    }

    private int RangesOf(int sequence) => (call.DecodeTiles(sequence) + tilesPerRange - 1) / tilesPerRange;

    private int BeginBlock(DecodeWorker<TSimd, TVector, TRows> worker, int slot, int block)
    {
        int firstHead = block * headsAtOnce;
        worker.Begin(firstSequence + slot, firstHead, Math.Min(headsAtOnce, call.KeyValueHeads - firstHead));
        return firstHead;
    }

    private float* SeedsOf(int slot, int head) => seeds + ((((long)slot * call.KeyValueHeads) + head) * layout.Rows);

    private float* PartialOf(long range, int head) => partials + (((range * call.KeyValueHeads) + head) * layout.PartialFloats);

    /// <summary>The sequence of the wave that a range belongs to. Of equal entries, which sequences without keys make, it is the last.</summary>
    private int SlotOf(long range)
    {
        int low = 0, high = rangesBefore.Count - 1;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            (low, high) = rangesBefore[middle] <= range ? (middle, high) : (low, middle);
        }
        return low;
    }
}
