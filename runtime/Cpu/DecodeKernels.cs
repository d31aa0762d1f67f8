using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Products of a panel of four query rows with the keys and values of a tile, read row by row where they lie. Logits and weights of a
/// panel are <c>[key, 4]</c>.
/// </summary>
internal static unsafe class DecodeKernels<TSimd, TVector, TRows>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where TRows : struct, IRowElements<TSimd, TVector>
{
    /// <summary>Keys that <see cref="Logits"/> takes in one go.</summary>
    public const int KeyStep = 4;

    /// <summary>Query rows of a panel.</summary>
    public const int Panel = 4;

    /// <summary>Logits of four keys for all panels of one head: <c>logits[panel, key, row] = query[panel, row] · key</c>.</summary>
    /// <param name="query"><c>[panel, 4, depth]</c>, scaled, in kernel order.</param>
    /// <param name="panels">Panels.</param>
    /// <param name="rows">Addresses of the tokens.</param>
    /// <param name="offset">Bytes from there to the keys.</param>
    /// <param name="keys">How many; where fewer than four, what is written for the others has no meaning.</param>
    /// <param name="depth">head_dim: a multiple of 32.</param>
    /// <param name="logits">Written: four keys of four rows.</param>
    /// <param name="panelStride">Floats from one panel's logits to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Logits(float* query, int panels, byte** rows, nint offset, int keys, nint depth, float* logits, nint panelStride)
    {
        nint step = 2 * TSimd.Lanes;
        byte* k0 = rows[0] + offset;
        byte* k1 = rows[Math.Min(1, keys - 1)] + offset;
        byte* k2 = rows[Math.Min(2, keys - 1)] + offset;
        byte* k3 = rows[Math.Min(3, keys - 1)] + offset;
        for (int panel = 0; panel < panels; panel++, query += Panel * depth, logits += panelStride)
        {
            TVector a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
            TVector c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;
            float* q = query;
            for (nint i = 0; i < depth; i += step, q += step)
            {
                TRows.Load(k0, i, out TVector w0, out TVector w1);
                TRows.Load(k1, i, out TVector x0, out TVector x1);
                TRows.Load(k2, i, out TVector y0, out TVector y1);
                TRows.Load(k3, i, out TVector z0, out TVector z1);
                TVector row = TSimd.Load(q);
                a0 = TSimd.FusedMultiplyAdd(row, w0, a0);
                a1 = TSimd.FusedMultiplyAdd(row, x0, a1);
                a2 = TSimd.FusedMultiplyAdd(row, y0, a2);
                a3 = TSimd.FusedMultiplyAdd(row, z0, a3);
                row = TSimd.Load(q + depth);
                b0 = TSimd.FusedMultiplyAdd(row, w0, b0);
                b1 = TSimd.FusedMultiplyAdd(row, x0, b1);
                b2 = TSimd.FusedMultiplyAdd(row, y0, b2);
                b3 = TSimd.FusedMultiplyAdd(row, z0, b3);
                row = TSimd.Load(q + (2 * depth));
                c0 = TSimd.FusedMultiplyAdd(row, w0, c0);
                c1 = TSimd.FusedMultiplyAdd(row, x0, c1);
                c2 = TSimd.FusedMultiplyAdd(row, y0, c2);
                c3 = TSimd.FusedMultiplyAdd(row, z0, c3);
                row = TSimd.Load(q + (3 * depth));
                d0 = TSimd.FusedMultiplyAdd(row, w0, d0);
                d1 = TSimd.FusedMultiplyAdd(row, x0, d1);
                d2 = TSimd.FusedMultiplyAdd(row, y0, d2);
                d3 = TSimd.FusedMultiplyAdd(row, z0, d3);
                row = TSimd.Load(q + TSimd.Lanes);
                a0 = TSimd.FusedMultiplyAdd(row, w1, a0);
                a1 = TSimd.FusedMultiplyAdd(row, x1, a1);
                a2 = TSimd.FusedMultiplyAdd(row, y1, a2);
                a3 = TSimd.FusedMultiplyAdd(row, z1, a3);
                row = TSimd.Load(q + depth + TSimd.Lanes);
                b0 = TSimd.FusedMultiplyAdd(row, w1, b0);
                b1 = TSimd.FusedMultiplyAdd(row, x1, b1);
                b2 = TSimd.FusedMultiplyAdd(row, y1, b2);
                b3 = TSimd.FusedMultiplyAdd(row, z1, b3);
                row = TSimd.Load(q + (2 * depth) + TSimd.Lanes);
                c0 = TSimd.FusedMultiplyAdd(row, w1, c0);
                c1 = TSimd.FusedMultiplyAdd(row, x1, c1);
                c2 = TSimd.FusedMultiplyAdd(row, y1, c2);
                c3 = TSimd.FusedMultiplyAdd(row, z1, c3);
                row = TSimd.Load(q + (3 * depth) + TSimd.Lanes);
                d0 = TSimd.FusedMultiplyAdd(row, w1, d0);
                d1 = TSimd.FusedMultiplyAdd(row, x1, d1);
                d2 = TSimd.FusedMultiplyAdd(row, y1, d2);
                d3 = TSimd.FusedMultiplyAdd(row, z1, d3);
            }
            TSimd.SumEach(a0, b0, c0, d0).Store(logits);
            TSimd.SumEach(a1, b1, c1, d1).Store(logits + Panel);
            TSimd.SumEach(a2, b2, c2, d2).Store(logits + (2 * Panel));
            TSimd.SumEach(a3, b3, c3, d3).Store(logits + (3 * Panel));
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

    /// <summary>
    /// Adds the values of a few keys for all panels of one head: <c>output[panel, row] = output[panel, row] · decay[panel, row] + Σ over keys of
    /// weights[panel, key, row] · value</c>.
    /// </summary>
    /// <param name="weights">Of the first key; four rows a key.</param>
    /// <param name="panelStride">Floats from one panel's weights to the next.</param>
    /// <param name="panels">Panels.</param>
    /// <param name="rows">Addresses of the tokens.</param>
    /// <param name="offset">Bytes from there to the values.</param>
    /// <param name="keys">How many.</param>
    /// <param name="columns">head_dim: a multiple of 32.</param>
    /// <param name="decay"><c>[panel, 4]</c>; null: 1.</param>
    /// <param name="output"><c>[panel, 4, columns]</c>, in kernel order.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate(float* weights, nint panelStride, int panels, byte** rows, nint offset, int keys, nint columns, float* decay, float* output)
    {
        int lanes = TSimd.Lanes;
        for (int panel = 0; panel < panels; panel++, weights += panelStride, output += Panel * columns)
        {
            if (decay is not null)
            {
                Scale(output, columns, decay + (panel * Panel));
            }
            for (nint column = 0; column < columns; column += 2 * lanes)
            {
                float* o0 = output + column, o1 = o0 + columns, o2 = o1 + columns, o3 = o2 + columns;
                TVector a0 = TSimd.Load(o0), a1 = TSimd.Load(o0 + lanes), b0 = TSimd.Load(o1), b1 = TSimd.Load(o1 + lanes);
                TVector c0 = TSimd.Load(o2), c1 = TSimd.Load(o2 + lanes), d0 = TSimd.Load(o3), d1 = TSimd.Load(o3 + lanes);
                float* w = weights;
                for (int key = 0; key < keys; key++, w += Panel)
                {
                    TRows.Load(rows[key] + offset, column, out TVector x0, out TVector x1);
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
                TSimd.Store(a0, o0);
                TSimd.Store(a1, o0 + lanes);
                TSimd.Store(b0, o1);
                TSimd.Store(b1, o1 + lanes);
                TSimd.Store(c0, o2);
                TSimd.Store(c1, o2 + lanes);
                TSimd.Store(d0, o3);
                TSimd.Store(d1, o3 + lanes);
            }
        }
    }

    private static void Scale(float* output, nint columns, float* factors)
    {
        for (int row = 0; row < Panel; row++)
        {
            TVector factor = TSimd.Broadcast(factors[row]);
            for (float* end = output + columns; output < end; output += TSimd.Lanes)
            {
                TSimd.Store(TSimd.Multiply(TSimd.Load(output), factor), output);
            }
        }
    }
}
