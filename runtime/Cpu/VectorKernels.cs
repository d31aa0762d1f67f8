using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>Products of single query rows with the keys and values of a tile: bound by memory, so nothing is packed.</summary>
internal static unsafe class VectorKernels<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    /// <summary><c>logits[key] = query · key</c>.</summary>
    /// <param name="query"><c>[depth]</c>, scaled.</param>
    /// <param name="key"><c>[key, depth]</c>, keys <paramref name="stride"/> floats apart.</param>
    /// <param name="stride">Floats from one key to the next.</param>
    /// <param name="depth">head_dim: a multiple of 32.</param>
    /// <param name="keys">Keys.</param>
    /// <param name="logits"><c>[key]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Logits(float* query, float* key, nint stride, nint depth, int keys, float* logits)
    {
        int lanes = TSimd.Lanes;
        int done = 0;
        for (; done <= keys - 4; done += 4, key += 4 * stride)
        {
            float* k1 = key + stride;
            float* k2 = k1 + stride;
            float* k3 = k2 + stride;
            TVector a0 = default, a1 = default, a2 = default, a3 = default;
            for (nint i = 0; i < depth; i += lanes)
            {
                TVector q = TSimd.Load(query + i);
                a0 = TSimd.FusedMultiplyAdd(q, TSimd.Load(key + i), a0);
                a1 = TSimd.FusedMultiplyAdd(q, TSimd.Load(k1 + i), a1);
                a2 = TSimd.FusedMultiplyAdd(q, TSimd.Load(k2 + i), a2);
                a3 = TSimd.FusedMultiplyAdd(q, TSimd.Load(k3 + i), a3);
            }
            logits[done] = TSimd.Sum(a0);
            logits[done + 1] = TSimd.Sum(a1);
            logits[done + 2] = TSimd.Sum(a2);
            logits[done + 3] = TSimd.Sum(a3);
        }
        for (; done < keys; done++, key += stride)
        {
            TVector a = default;
            for (nint i = 0; i < depth; i += lanes)
            {
                a = TSimd.FusedMultiplyAdd(TSimd.Load(query + i), TSimd.Load(key + i), a);
            }
            logits[done] = TSimd.Sum(a);
        }
    }

    /// <summary>The largest of <paramref name="count"/> logits, a multiple of the vector's length; NaN where one is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Maximum(float* logits, int count)
    {
        TVector largest = TSimd.Broadcast(float.NegativeInfinity);
        for (int key = 0; key < count; key += TSimd.Lanes)
        {
            largest = TSimd.Max(largest, TSimd.Load(logits + key));
        }
        float* lanes = stackalloc float[TSimd.Lanes];
        TSimd.Store(largest, lanes);
        float maximum = lanes[0];
        for (int lane = 1; lane < TSimd.Lanes; lane++)
        {
            maximum = MathF.Max(maximum, lanes[lane]);
        }
        return maximum;
    }

    /// <summary>Turns <paramref name="count"/> logits, a multiple of the vector's length, into <c>2^(logit − shift)</c>; returns their sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Exponentiate(float* logits, int count, float shift)
    {
        TVector sum = default;
        for (int key = 0; key < count; key += TSimd.Lanes)
        {
            TVector weight = Exponential.Exp2<TSimd, TVector>(TSimd.Subtract(TSimd.Load(logits + key), TSimd.Broadcast(shift)));
            TSimd.Store(weight, logits + key);
            sum = TSimd.Add(sum, weight);
        }
        return TSimd.Sum(sum);
    }

    /// <summary><c>output[i] += Σ over keys of weights[key] · value[key, i]</c>, the tile's sum first.</summary>
    /// <param name="weights"><c>[key]</c>.</param>
    /// <param name="value"><c>[key, column]</c>, keys <paramref name="stride"/> floats apart.</param>
    /// <param name="stride">Floats from one key to the next.</param>
    /// <param name="columns">Columns: a multiple of 32.</param>
    /// <param name="keys">Keys.</param>
    /// <param name="output"><c>[column]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WeightedSum(float* weights, float* value, nint stride, nint columns, int keys, float* output)
    {
        int lanes = TSimd.Lanes;
        for (nint column = 0; column < columns; column += 2 * lanes)
        {
            // Every fourth key has sums of its own: eight independent ones hide the latency of FMA on two ports.
            TVector a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
            float* row = value + column;
            int key = 0;
            for (; key <= keys - 4; key += 4, row += 4 * stride)
            {
                TVector w = TSimd.Broadcast(weights[key]);
                a0 = TSimd.FusedMultiplyAdd(w, TSimd.Load(row), a0);
                a1 = TSimd.FusedMultiplyAdd(w, TSimd.Load(row + lanes), a1);
                w = TSimd.Broadcast(weights[key + 1]);
                b0 = TSimd.FusedMultiplyAdd(w, TSimd.Load(row + stride), b0);
                b1 = TSimd.FusedMultiplyAdd(w, TSimd.Load(row + stride + lanes), b1);
                w = TSimd.Broadcast(weights[key + 2]);
                c0 = TSimd.FusedMultiplyAdd(w, TSimd.Load(row + (2 * stride)), c0);
                c1 = TSimd.FusedMultiplyAdd(w, TSimd.Load(row + (2 * stride) + lanes), c1);
                w = TSimd.Broadcast(weights[key + 3]);
                d0 = TSimd.FusedMultiplyAdd(w, TSimd.Load(row + (3 * stride)), d0);
                d1 = TSimd.FusedMultiplyAdd(w, TSimd.Load(row + (3 * stride) + lanes), d1);
            }
            for (; key < keys; key++, row += stride)
            {
                TVector w = TSimd.Broadcast(weights[key]);
                a0 = TSimd.FusedMultiplyAdd(w, TSimd.Load(row), a0);
                a1 = TSimd.FusedMultiplyAdd(w, TSimd.Load(row + lanes), a1);
            }
            float* sum = output + column;
            TSimd.Store(TSimd.Add(TSimd.Load(sum), TSimd.Add(TSimd.Add(a0, b0), TSimd.Add(c0, d0))), sum);
            TSimd.Store(TSimd.Add(TSimd.Load(sum + lanes), TSimd.Add(TSimd.Add(a1, b1), TSimd.Add(c1, d1))), sum + lanes);
        }
    }
}
