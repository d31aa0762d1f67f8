using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Register-blocked matrix products of one tile. Both are outer products of a column of at most six broadcast values and a row of two
/// vectors: twelve accumulators hide the latency of FMA on two ports and leave four of AVX2's sixteen registers for operands.
/// </summary>
internal static unsafe class ProductKernels<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    /// <summary>Rows of the tall kernel.</summary>
    public const int Tall = 6;

    /// <summary>Rows of the short kernel, for a remainder of at most so many.</summary>
    public const int Short = 4;

    /// <summary>Floats in a panel's row: two vectors.</summary>
    public static int Width => 2 * TSimd.Lanes;

    /// <summary>
    /// Logits of one group of keys (Tall, or Short where no more are wanted: the buffers hold that many) and a panel of query rows,
    /// transposed: <c>logits[key, row] = Σ key[key, i] · query[i, row]</c>.
    /// </summary>
    /// <param name="key"><c>[key, depth]</c>, packed.</param>
    /// <param name="query"><c>[depth, Width]</c>, packed and scaled.</param>
    /// <param name="depth">head_dim.</param>
    /// <param name="wanted">Keys wanted.</param>
    /// <param name="logits"><c>[key, Width]</c>, keys <paramref name="stride"/> apart.</param>
    /// <param name="stride">Floats from one key's logits to the next.</param>
    public static void Logits(float* key, float* query, nint depth, int wanted, float* logits, nint stride)
    {
        if (wanted > Short)
        {
            LogitsTall(key, query, depth, logits, stride);
        }
        else
        {
            LogitsShort(key, query, depth, logits, stride);
        }
    }

    /// <summary>
    /// <c>output[row, i] = output[row, i] · decay[row] + Σ over keys of weights[key, row] · value[key, i]</c> for Tall or Short rows and
    /// one panel of value columns. The tile is summed before it is added, which keeps the rounding errors of long sums apart.
    /// </summary>
    /// <param name="weights"><c>[key, row]</c>, keys <paramref name="stride"/> apart.</param>
    /// <param name="stride">Floats from one key's weights to the next.</param>
    /// <param name="value"><c>[key, Width]</c>, packed.</param>
    /// <param name="keys">Keys to add.</param>
    /// <param name="decay"><c>[row]</c>.</param>
    /// <param name="output"><c>[row, Width]</c>, packed.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WeightedSumTall(float* weights, nint stride, float* value, int keys, float* decay, float* output)
    {
        int lanes = TSimd.Lanes;
        int width = Width;
        TVector a00 = default, a01 = default, a10 = default, a11 = default, a20 = default, a21 = default;
        TVector a30 = default, a31 = default, a40 = default, a41 = default, a50 = default, a51 = default;
        for (float* end = value + ((nint)keys * width); value < end; value += width, weights += stride)
        {
            TVector b0 = TSimd.Load(value);
            TVector b1 = TSimd.Load(value + lanes);
            TVector w = TSimd.Broadcast(weights[0]);
            a00 = TSimd.FusedMultiplyAdd(w, b0, a00);
            a01 = TSimd.FusedMultiplyAdd(w, b1, a01);
            w = TSimd.Broadcast(weights[1]);
            a10 = TSimd.FusedMultiplyAdd(w, b0, a10);
            a11 = TSimd.FusedMultiplyAdd(w, b1, a11);
            w = TSimd.Broadcast(weights[2]);
            a20 = TSimd.FusedMultiplyAdd(w, b0, a20);
            a21 = TSimd.FusedMultiplyAdd(w, b1, a21);
            w = TSimd.Broadcast(weights[3]);
            a30 = TSimd.FusedMultiplyAdd(w, b0, a30);
            a31 = TSimd.FusedMultiplyAdd(w, b1, a31);
            w = TSimd.Broadcast(weights[4]);
            a40 = TSimd.FusedMultiplyAdd(w, b0, a40);
            a41 = TSimd.FusedMultiplyAdd(w, b1, a41);
            w = TSimd.Broadcast(weights[5]);
            a50 = TSimd.FusedMultiplyAdd(w, b0, a50);
            a51 = TSimd.FusedMultiplyAdd(w, b1, a51);
        }
        AddDecayed(a00, a01, decay[0], output);
        AddDecayed(a10, a11, decay[1], output + width);
        AddDecayed(a20, a21, decay[2], output + (2 * width));
        AddDecayed(a30, a31, decay[3], output + (3 * width));
        AddDecayed(a40, a41, decay[4], output + (4 * width));
        AddDecayed(a50, a51, decay[5], output + (5 * width));
    }

    /// <inheritdoc cref="WeightedSumTall"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WeightedSumShort(float* weights, nint stride, float* value, int keys, float* decay, float* output)
    {
        int lanes = TSimd.Lanes;
        int width = Width;
        TVector a00 = default, a01 = default, a10 = default, a11 = default;
        TVector a20 = default, a21 = default, a30 = default, a31 = default;
        for (float* end = value + ((nint)keys * width); value < end; value += width, weights += stride)
        {
            TVector b0 = TSimd.Load(value);
            TVector b1 = TSimd.Load(value + lanes);
            TVector w = TSimd.Broadcast(weights[0]);
            a00 = TSimd.FusedMultiplyAdd(w, b0, a00);
            a01 = TSimd.FusedMultiplyAdd(w, b1, a01);
            w = TSimd.Broadcast(weights[1]);
            a10 = TSimd.FusedMultiplyAdd(w, b0, a10);
            a11 = TSimd.FusedMultiplyAdd(w, b1, a11);
            w = TSimd.Broadcast(weights[2]);
            a20 = TSimd.FusedMultiplyAdd(w, b0, a20);
            a21 = TSimd.FusedMultiplyAdd(w, b1, a21);
            w = TSimd.Broadcast(weights[3]);
            a30 = TSimd.FusedMultiplyAdd(w, b0, a30);
            a31 = TSimd.FusedMultiplyAdd(w, b1, a31);
        }
        AddDecayed(a00, a01, decay[0], output);
        AddDecayed(a10, a11, decay[1], output + width);
        AddDecayed(a20, a21, decay[2], output + (2 * width));
        AddDecayed(a30, a31, decay[3], output + (3 * width));
    }

    /// <summary>Adds the keys of one row to its panel of the output: the ragged edge under a causal diagonal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WeightedSumRow(float* weights, nint stride, float* value, int keys, float* output)
    {
        int lanes = TSimd.Lanes;
        TVector a0 = TSimd.Load(output);
        TVector a1 = TSimd.Load(output + lanes);
        for (int key = 0; key < keys; key++, value += 2 * lanes, weights += stride)
        {
            TVector w = TSimd.Broadcast(*weights);
            a0 = TSimd.FusedMultiplyAdd(w, TSimd.Load(value), a0);
            a1 = TSimd.FusedMultiplyAdd(w, TSimd.Load(value + lanes), a1);
        }
        TSimd.Store(a0, output);
        TSimd.Store(a1, output + lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddDecayed(TVector sum0, TVector sum1, float decay, float* output)
    {
        TVector factor = TSimd.Broadcast(decay);
        TSimd.Store(TSimd.FusedMultiplyAdd(TSimd.Load(output), factor, sum0), output);
        TSimd.Store(TSimd.FusedMultiplyAdd(TSimd.Load(output + TSimd.Lanes), factor, sum1), output + TSimd.Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LogitsTall(float* key, float* query, nint depth, float* logits, nint stride)
    {
        int lanes = TSimd.Lanes;
        float* k0 = key;
        float* k1 = k0 + depth;
        float* k2 = k1 + depth;
        float* k3 = k2 + depth;
        float* k4 = k3 + depth;
        float* k5 = k4 + depth;
        TVector a00 = default, a01 = default, a10 = default, a11 = default, a20 = default, a21 = default;
        TVector a30 = default, a31 = default, a40 = default, a41 = default, a50 = default, a51 = default;
        for (nint i = 0; i < depth; i++)
        {
            TVector b0 = TSimd.Load(query);
            TVector b1 = TSimd.Load(query + lanes);
            query += 2 * lanes;
            TVector w = TSimd.Broadcast(k0[i]);
            a00 = TSimd.FusedMultiplyAdd(w, b0, a00);
            a01 = TSimd.FusedMultiplyAdd(w, b1, a01);
            w = TSimd.Broadcast(k1[i]);
            a10 = TSimd.FusedMultiplyAdd(w, b0, a10);
            a11 = TSimd.FusedMultiplyAdd(w, b1, a11);
            w = TSimd.Broadcast(k2[i]);
            a20 = TSimd.FusedMultiplyAdd(w, b0, a20);
            a21 = TSimd.FusedMultiplyAdd(w, b1, a21);
            w = TSimd.Broadcast(k3[i]);
            a30 = TSimd.FusedMultiplyAdd(w, b0, a30);
            a31 = TSimd.FusedMultiplyAdd(w, b1, a31);
            w = TSimd.Broadcast(k4[i]);
            a40 = TSimd.FusedMultiplyAdd(w, b0, a40);
            a41 = TSimd.FusedMultiplyAdd(w, b1, a41);
            w = TSimd.Broadcast(k5[i]);
            a50 = TSimd.FusedMultiplyAdd(w, b0, a50);
            a51 = TSimd.FusedMultiplyAdd(w, b1, a51);
        }
        TSimd.Store(a00, logits);
        TSimd.Store(a01, logits + lanes);
        logits += stride;
        TSimd.Store(a10, logits);
        TSimd.Store(a11, logits + lanes);
        logits += stride;
        TSimd.Store(a20, logits);
        TSimd.Store(a21, logits + lanes);
        logits += stride;
        TSimd.Store(a30, logits);
        TSimd.Store(a31, logits + lanes);
        logits += stride;
        TSimd.Store(a40, logits);
        TSimd.Store(a41, logits + lanes);
        logits += stride;
        TSimd.Store(a50, logits);
        TSimd.Store(a51, logits + lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LogitsShort(float* key, float* query, nint depth, float* logits, nint stride)
    {
        int lanes = TSimd.Lanes;
        float* k0 = key;
        float* k1 = k0 + depth;
        float* k2 = k1 + depth;
        float* k3 = k2 + depth;
        TVector a00 = default, a01 = default, a10 = default, a11 = default;
        TVector a20 = default, a21 = default, a30 = default, a31 = default;
        for (nint i = 0; i < depth; i++)
        {
            TVector b0 = TSimd.Load(query);
            TVector b1 = TSimd.Load(query + lanes);
            query += 2 * lanes;
            TVector w = TSimd.Broadcast(k0[i]);
            a00 = TSimd.FusedMultiplyAdd(w, b0, a00);
            a01 = TSimd.FusedMultiplyAdd(w, b1, a01);
            w = TSimd.Broadcast(k1[i]);
            a10 = TSimd.FusedMultiplyAdd(w, b0, a10);
            a11 = TSimd.FusedMultiplyAdd(w, b1, a11);
            w = TSimd.Broadcast(k2[i]);
            a20 = TSimd.FusedMultiplyAdd(w, b0, a20);
            a21 = TSimd.FusedMultiplyAdd(w, b1, a21);
            w = TSimd.Broadcast(k3[i]);
            a30 = TSimd.FusedMultiplyAdd(w, b0, a30);
            a31 = TSimd.FusedMultiplyAdd(w, b1, a31);
        }
        TSimd.Store(a00, logits);
        TSimd.Store(a01, logits + lanes);
        logits += stride;
        TSimd.Store(a10, logits);
        TSimd.Store(a11, logits + lanes);
        logits += stride;
        TSimd.Store(a20, logits);
        TSimd.Store(a21, logits + lanes);
        logits += stride;
        TSimd.Store(a30, logits);
        TSimd.Store(a31, logits + lanes);
    }
}
