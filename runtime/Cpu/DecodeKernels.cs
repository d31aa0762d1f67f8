using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Products of a panel of four query rows with the keys and values of a tile, read row by row where they lie. Weights of a panel are
/// <c>[key, 4]</c>. Bound by memory: beside its own work each kernel asks for rows that are needed next.
/// </summary>
internal static unsafe class DecodeKernels<TSimd, TVector, TRows>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where TRows : struct, IRowElements<TSimd, TVector>
{
    /// <summary>Query rows of a panel.</summary>
    public const int Panel = 4;

    /// <summary><c>logits[key, row] = query[row] · key</c>.</summary>
    /// <param name="query"><c>[4, depth]</c>, scaled, in kernel order.</param>
    /// <param name="rows">The keys.</param>
    /// <param name="keys">How many; an odd number writes one key more.</param>
    /// <param name="depth">head_dim: a multiple of 32.</param>
    /// <param name="logits"><c>[key, 4]</c>.</param>
    /// <param name="ahead">Rows that are needed next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Logits(float* query, byte** rows, int keys, nint depth, float* logits, RowsAhead ahead)
    {
        nint step = 2 * TSimd.Lanes;
        for (int key = 0; key < keys; key += 2, logits += 2 * Panel)
        {
            ahead.Prefetch(key);
            ahead.Prefetch(key + 1);
            byte* k0 = rows[key];
            byte* k1 = rows[Math.Min(key + 1, keys - 1)];
            TVector a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
            float* q = query;
            for (nint i = 0; i < depth; i += step, q += step)
            {
                TRows.Load(k0, i, out TVector x0, out TVector x1);
                TRows.Load(k1, i, out TVector y0, out TVector y1);
                TVector row = TSimd.Load(q);
                a0 = TSimd.FusedMultiplyAdd(row, x0, a0);
                a1 = TSimd.FusedMultiplyAdd(row, y0, a1);
                row = TSimd.Load(q + depth);
                b0 = TSimd.FusedMultiplyAdd(row, x0, b0);
                b1 = TSimd.FusedMultiplyAdd(row, y0, b1);
                row = TSimd.Load(q + (2 * depth));
                c0 = TSimd.FusedMultiplyAdd(row, x0, c0);
                c1 = TSimd.FusedMultiplyAdd(row, y0, c1);
                row = TSimd.Load(q + (3 * depth));
                d0 = TSimd.FusedMultiplyAdd(row, x0, d0);
                d1 = TSimd.FusedMultiplyAdd(row, y0, d1);
                row = TSimd.Load(q + TSimd.Lanes);
                a0 = TSimd.FusedMultiplyAdd(row, x1, a0);
                a1 = TSimd.FusedMultiplyAdd(row, y1, a1);
                row = TSimd.Load(q + depth + TSimd.Lanes);
                b0 = TSimd.FusedMultiplyAdd(row, x1, b0);
                b1 = TSimd.FusedMultiplyAdd(row, y1, b1);
                row = TSimd.Load(q + (2 * depth) + TSimd.Lanes);
                c0 = TSimd.FusedMultiplyAdd(row, x1, c0);
                c1 = TSimd.FusedMultiplyAdd(row, y1, c1);
                row = TSimd.Load(q + (3 * depth) + TSimd.Lanes);
                d0 = TSimd.FusedMultiplyAdd(row, x1, d0);
                d1 = TSimd.FusedMultiplyAdd(row, y1, d1);
            }
            TSimd.SumEach(a0, b0, c0, d0).Store(logits);
            TSimd.SumEach(a1, b1, c1, d1).Store(logits + Panel);
        }
    }

    /// <summary>Each row's largest logit, NaN where one is NaN.</summary>
    /// <param name="logits"><c>[key, 4]</c>.</param>
    /// <param name="keys">Keys: a multiple of <c>Lanes / 4</c>.</param>
    /// <param name="maximum">Written: <c>[4]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Maximum(float* logits, int keys, float* maximum)
    {
        TVector largest = TSimd.Broadcast(float.NegativeInfinity);
        for (int i = 0; i < keys * Panel; i += TSimd.Lanes)
        {
            largest = TSimd.Max(largest, TSimd.Load(logits + i));
        }
        float* lanes = stackalloc float[TSimd.Lanes];
        TSimd.Store(largest, lanes);
        Vector128<float> four = Vector128.Load(lanes);
        for (int lane = Panel; lane < TSimd.Lanes; lane += Panel)
        {
            four = Vector128.Max(four, Vector128.Load(lanes + lane));
        }
        four.Store(maximum);
    }

    /// <summary>Turns logits into <c>2^(logit − shift of the row)</c>; writes each row's sum.</summary>
    /// <param name="logits"><c>[key, 4]</c>.</param>
    /// <param name="keys">Keys: a multiple of <c>Lanes / 4</c>.</param>
    /// <param name="shift"><c>[4]</c>.</param>
    /// <param name="sum">Written: <c>[4]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Exponentiate(float* logits, int keys, float* shift, float* sum)
    {
        TVector shifts = TSimd.RepeatFour(shift);
        TVector total = default;
        for (int i = 0; i < keys * Panel; i += TSimd.Lanes)
        {
            TVector weight = Exponential.Exp2<TSimd, TVector>(TSimd.Subtract(TSimd.Load(logits + i), shifts));
            TSimd.Store(weight, logits + i);
            total = TSimd.Add(total, weight);
        }
        float* lanes = stackalloc float[TSimd.Lanes];
        TSimd.Store(total, lanes);
        Vector128<float> four = Vector128.Load(lanes);
        for (int lane = Panel; lane < TSimd.Lanes; lane += Panel)
        {
            four += Vector128.Load(lanes + lane);
        }
        four.Store(sum);
    }

    /// <summary><c>output[row] = output[row] · decay[row] + Σ over keys of weights[key, row] · value</c>, the tile's sum first.</summary>
    /// <param name="weights"><c>[key, 4]</c>.</param>
    /// <param name="rows">The values.</param>
    /// <param name="keys">How many.</param>
    /// <param name="columns">head_dim: a multiple of 32.</param>
    /// <param name="decay"><c>[4]</c>.</param>
    /// <param name="output"><c>[4, columns]</c>, in kernel order.</param>
    /// <param name="ahead">Rows that are needed next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate(float* weights, byte** rows, int keys, nint columns, float* decay, float* output, RowsAhead ahead)
    {
        int lanes = TSimd.Lanes;
        for (nint column = 0; column < columns; column += 2 * lanes)
        {
            TVector a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
            float* w = weights;
            for (int key = 0; key < keys; key++, w += Panel)
            {
                ahead.Prefetch(key);
                TRows.Load(rows[key], column, out TVector x0, out TVector x1);
                TVector weight = TSimd.Broadcast(w[0]);
                a0 = TSimd.FusedMultiplyAdd(weight, x0, a0);
                a1 = TSimd.FusedMultiplyAdd(weight, x1, a1);
                weight = TSimd.Broadcast(w[1]);
                b0 = TSimd.FusedMultiplyAdd(weight, x0, b0);
                b1 = TSimd.FusedMultiplyAdd(weight, x1, b1);
                weight = TSimd.Broadcast(w[2]);
                c0 = TSimd.FusedMultiplyAdd(weight, x0, c0);
                c1 = TSimd.FusedMultiplyAdd(weight, x1, c1);
                weight = TSimd.Broadcast(w[3]);
                d0 = TSimd.FusedMultiplyAdd(weight, x0, d0);
                d1 = TSimd.FusedMultiplyAdd(weight, x1, d1);
            }
            ahead = default;
            float* o = output + column;
            AddTo(o, decay[0], a0, a1);
            AddTo(o + columns, decay[1], b0, b1);
            AddTo(o + (2 * columns), decay[2], c0, c1);
            AddTo(o + (3 * columns), decay[3], d0, d1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(float* output, float decay, TVector first, TVector second)
    {
        TVector factor = TSimd.Broadcast(decay);
        TSimd.Store(TSimd.FusedMultiplyAdd(TSimd.Load(output), factor, first), output);
        TSimd.Store(TSimd.FusedMultiplyAdd(TSimd.Load(output + TSimd.Lanes), factor, second), output + TSimd.Lanes);
    }
}

/// <summary>Rows to fetch into the second-level cache while others are worked on; <c>default</c>: none.</summary>
/// <param name="rows">Their addresses.</param>
/// <param name="count">How many.</param>
/// <param name="bytes">Bytes of one.</param>
internal readonly unsafe struct RowsAhead(byte** rows, int count, int bytes)
{
    private const int CacheLine = 64;

    /// <summary>Asks for one row, if there is such.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(int index)
    {
        if (Sse.IsSupported && (uint)index < (uint)count)
        {
            byte* row = rows[index];
            for (int offset = 0; offset < bytes; offset += CacheLine)
            {
                Sse.Prefetch1(row + offset);
            }
        }
    }
}
