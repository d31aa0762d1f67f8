using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Products of panels of up to four query rows with the keys and values of a tile, read row by row where they lie. Logits and weights of a
/// panel are <c>[key, 4]</c>, however many rows it has. Beside each line that they read, kernels have one fetched that is worked on later.
/// </summary>
internal static unsafe class DecodeKernels<TSimd, TVector, TRows>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where TRows : struct, IRowElements<TSimd, TVector>
{
    /// <summary>Query rows of a panel; the last one may have fewer.</summary>
    public const int Panel = 4;

    private const int KeysAtOnce = 4;

    /// <summary>
    /// Logits of <see cref="TileRows.Step"/> keys for all rows of one head: <c>logits[panel, key, row] = query[panel, row] · key</c>, 0 for rows
    /// that the last panel lacks.
    /// </summary>
    /// <param name="query"><c>[panel, 4, depth]</c>, scaled, in kernel order.</param>
    /// <param name="rows">Query rows.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="ahead">What is fetched meanwhile.</param>
    /// <param name="depth">head_dim: a multiple of 32.</param>
    /// <param name="logits">Written.</param>
    /// <param name="panelStride">Floats from one panel's logits to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Logits(float* query, int rows, HeadRows keys, HeadRows ahead, nint depth, float* logits, nint panelStride)
    {
        for (; rows > 0; rows -= Panel, query += Panel * depth, logits += panelStride)
        {
            switch (rows)
            {
                case 1:
                    PanelLogits<OneRow>(query, keys, ahead, depth, logits);
                    break;
                case 2:
                    PanelLogits<TwoRows>(query, keys, ahead, depth, logits);
                    break;
                case 3:
                    PanelLogits<ThreeRows>(query, keys, ahead, depth, logits);
                    break;
                default:
                    PanelLogits<FourRows>(query, keys, ahead, depth, logits);
                    break;
            }
            ahead = keys; // once is enough: lines that are at hand cost nothing
        }
    }

    /// <summary>Each row's largest logit, NaN where one is NaN.</summary>
    /// <param name="logits"><c>[key, 4]</c>.</param>
    /// <param name="keys">Keys: a multiple of <c>Lanes / 4</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector128<float> Maximum(float* logits, int keys)
    {
        TVector largest = TSimd.Broadcast(float.NegativeInfinity);
        for (int i = 0; i < keys * Panel; i += TSimd.Lanes)
        {
            largest = TSimd.Max(largest, TSimd.Load(logits + i));
        }
        return TSimd.MaxFours(largest);
    }

    /// <summary>Turns logits into <c>2^(logit − shift of the row)</c>.</summary>
    /// <param name="logits"><c>[key, 4]</c>.</param>
    /// <param name="keys">Keys: a multiple of <c>Lanes / 4</c>.</param>
    /// <param name="shift">Of each row.</param>
    /// <returns>Each row's sum.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector128<float> Exponentiate(float* logits, int keys, Vector128<float> shift)
    {
        TVector shifts = TSimd.RepeatFour(shift);
        TVector total = default;
        for (int i = 0; i < keys * Panel; i += TSimd.Lanes)
        {
            TVector weight = Exponential.Exp2<TSimd, TVector>(TSimd.Subtract(TSimd.Load(logits + i), shifts));
            TSimd.Store(weight, logits + i);
            total = TSimd.Add(total, weight);
        }
        return TSimd.SumFours(total);
    }

    /// <summary>
    /// Adds the values of some keys for all rows of one head: <c>output[panel, row] = output[panel, row] · decay[panel, row] + Σ over keys of
    /// weights[panel, key, row] · value</c>.
    /// </summary>
    /// <param name="weights">Of the first key; four rows a key.</param>
    /// <param name="panelStride">Floats from one panel's weights to the next.</param>
    /// <param name="rows">Query rows.</param>
    /// <param name="values">The values.</param>
    /// <param name="ahead">What is fetched meanwhile.</param>
    /// <param name="keys">How many keys.</param>
    /// <param name="columns">head_dim: a multiple of 32.</param>
    /// <param name="decay"><c>[panel, 4]</c>; null: 1.</param>
    /// <param name="output"><c>[panel, 4, columns]</c>, in kernel order.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(float* weights, nint panelStride, int rows, HeadRows values, HeadRows ahead, int keys, nint columns, float* decay, float* output)
    {
        if (decay is not null)
        {
            Scale(output, rows, columns, decay);
        }
        for (; rows > 0; rows -= Panel, weights += panelStride, output += Panel * columns)
        {
            switch (rows)
            {
                case 1:
                    AccumulatePanel<OneRow>(weights, values, ahead, keys, columns, output);
                    break;
                case 2:
                    AccumulatePanel<TwoRows>(weights, values, ahead, keys, columns, output);
                    break;
                case 3:
                    AccumulatePanel<ThreeRows>(weights, values, ahead, keys, columns, output);
                    break;
                default:
                    AccumulatePanel<FourRows>(weights, values, ahead, keys, columns, output);
                    break;
            }
            ahead = values;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PanelLogits<TCount>(float* query, HeadRows keys, HeadRows ahead, nint depth, float* logits) where TCount : struct, IRowCount
    {
        int lanes = TSimd.Lanes;
        float* q1 = query + depth, q2 = q1 + depth, q3 = q2 + depth;
        for (int key = 0; key < TileRows.Step; key += KeysAtOnce, logits += KeysAtOnce * Panel)
        {
            byte* k0 = keys[key], k1 = keys[key + 1], k2 = keys[key + 2], k3 = keys[key + 3];
            byte* f0 = ahead[key], f1 = ahead[key + 1], f2 = ahead[key + 2], f3 = ahead[key + 3];
            TVector a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
            TVector c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;
            for (nint i = 0; i < depth; i += 2 * lanes)
            {
                TRows.Fetch(f0, i);
                TRows.Fetch(f1, i);
                TRows.Fetch(f2, i);
                TRows.Fetch(f3, i);
                TRows.Load(k0, i, out TVector w0, out TVector w1);
                TRows.Load(k1, i, out TVector x0, out TVector x1);
                TRows.Load(k2, i, out TVector y0, out TVector y1);
                TRows.Load(k3, i, out TVector z0, out TVector z1);
                AddProducts(query + i, w0, x0, y0, z0, ref a0, ref a1, ref a2, ref a3);
                AddProducts(query + i + lanes, w1, x1, y1, z1, ref a0, ref a1, ref a2, ref a3);
                if (TCount.Rows > 1)
                {
                    AddProducts(q1 + i, w0, x0, y0, z0, ref b0, ref b1, ref b2, ref b3);
                    AddProducts(q1 + i + lanes, w1, x1, y1, z1, ref b0, ref b1, ref b2, ref b3);
                }
                if (TCount.Rows > 2)
                {
                    AddProducts(q2 + i, w0, x0, y0, z0, ref c0, ref c1, ref c2, ref c3);
                    AddProducts(q2 + i + lanes, w1, x1, y1, z1, ref c0, ref c1, ref c2, ref c3);
                }
                if (TCount.Rows > 3)
                {
                    AddProducts(q3 + i, w0, x0, y0, z0, ref d0, ref d1, ref d2, ref d3);
                    AddProducts(q3 + i + lanes, w1, x1, y1, z1, ref d0, ref d1, ref d2, ref d3);
                }
            }
            // Step by step for all, since the sums of one key would wait for each other.
            (a0, a1, a2, a3) = (TSimd.SumPairs(a0, b0), TSimd.SumPairs(a1, b1), TSimd.SumPairs(a2, b2), TSimd.SumPairs(a3, b3));
            (c0, c1, c2, c3) = (TSimd.SumPairs(c0, d0), TSimd.SumPairs(c1, d1), TSimd.SumPairs(c2, d2), TSimd.SumPairs(c3, d3));
            TSimd.StoreSums(logits, TSimd.SumHalves(a0, c0), TSimd.SumHalves(a1, c1), TSimd.SumHalves(a2, c2), TSimd.SumHalves(a3, c3));
        }
    }

    /// <summary>Adds a vector of one query row's products with four keys.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProducts(
        float* query, TVector key0, TVector key1, TVector key2, TVector key3, ref TVector sum0, ref TVector sum1, ref TVector sum2, ref TVector sum3)
    {
        TVector row = TSimd.Load(query);
        sum0 = TSimd.FusedMultiplyAdd(row, key0, sum0);
        sum1 = TSimd.FusedMultiplyAdd(row, key1, sum1);
        sum2 = TSimd.FusedMultiplyAdd(row, key2, sum2);
        sum3 = TSimd.FusedMultiplyAdd(row, key3, sum3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulatePanel<TCount>(float* weights, HeadRows values, HeadRows ahead, int keys, nint columns, float* output)
        where TCount : struct, IRowCount
    {
        int lanes = TSimd.Lanes;
        for (nint column = 0; column < columns; column += 2 * lanes)
        {
            float* o0 = output + column, o1 = o0 + columns, o2 = o1 + columns, o3 = o2 + columns;
            TVector a0 = TSimd.Load(o0), a1 = TSimd.Load(o0 + lanes), b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
            if (TCount.Rows > 1)
            {
                (b0, b1) = (TSimd.Load(o1), TSimd.Load(o1 + lanes));
            }
            if (TCount.Rows > 2)
            {
                (c0, c1) = (TSimd.Load(o2), TSimd.Load(o2 + lanes));
            }
            if (TCount.Rows > 3)
            {
                (d0, d1) = (TSimd.Load(o3), TSimd.Load(o3 + lanes));
            }
            float* w = weights;
            for (int key = 0; key < keys; key++, w += Panel)
            {
                TRows.Fetch(ahead[key], column);
                TRows.Load(values[key], column, out TVector x0, out TVector x1);
                AddWeighted(w, x0, x1, ref a0, ref a1);
                if (TCount.Rows > 1)
                {
                    AddWeighted(w + 1, x0, x1, ref b0, ref b1);
                }
                if (TCount.Rows > 2)
                {
                    AddWeighted(w + 2, x0, x1, ref c0, ref c1);
                }
                if (TCount.Rows > 3)
                {
                    AddWeighted(w + 3, x0, x1, ref d0, ref d1);
                }
            }
            TSimd.Store(a0, o0);
            TSimd.Store(a1, o0 + lanes);
            if (TCount.Rows > 1)
            {
                TSimd.Store(b0, o1);
                TSimd.Store(b1, o1 + lanes);
            }
            if (TCount.Rows > 2)
            {
                TSimd.Store(c0, o2);
                TSimd.Store(c1, o2 + lanes);
            }
            if (TCount.Rows > 3)
            {
                TSimd.Store(d0, o3);
                TSimd.Store(d1, o3 + lanes);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddWeighted(float* weight, TVector value0, TVector value1, ref TVector sum0, ref TVector sum1)
    {
        TVector weights = TSimd.Broadcast(*weight);
        sum0 = TSimd.FusedMultiplyAdd(weights, value0, sum0);
        sum1 = TSimd.FusedMultiplyAdd(weights, value1, sum1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(float* output, int rows, nint columns, float* factors)
    {
        for (int row = 0; row < rows; row++, output += columns)
        {
            if (factors[row] == 1)
            {
                continue; // the usual case: the maximum stays
            }
            TVector factor = TSimd.Broadcast(factors[row]);
            for (nint i = 0; i < columns; i += TSimd.Lanes)
            {
                TSimd.Store(TSimd.Multiply(TSimd.Load(output + i), factor), output + i);
            }
        }
    }
}

/// <summary>The rows of a panel, as a type for which the JIT specializes a kernel.</summary>
internal interface IRowCount
{
    static abstract int Rows { get; }
}

internal readonly struct OneRow : IRowCount
{
    public static int Rows => 1;
}

internal readonly struct TwoRows : IRowCount
{
    public static int Rows => 2;
}

internal readonly struct ThreeRows : IRowCount
{
    public static int Rows => 3;
}

internal readonly struct FourRows : IRowCount
{
    public static int Rows => 4;
}
