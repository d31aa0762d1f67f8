using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>Online softmax over one panel of rows (two vectors wide) of transposed logits <c>[key, row]</c>, in log2 units.</summary>
internal static unsafe class RowSoftmax<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    /// <summary>Sets the logits of keys that a row doesn't see to −∞.</summary>
    /// <param name="logits"><c>[key, row]</c>.</param>
    /// <param name="first">The first key that some row doesn't see.</param>
    /// <param name="keys">Keys of the tile that some row of the panel sees.</param>
    /// <param name="visible">How many of them each row sees.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Mask(float* logits, int first, int keys, float* visible)
    {
        TVector hidden = TSimd.Broadcast(float.NegativeInfinity);
        for (int key = first; key < keys; key++)
        {
            for (int half = 0; half < 2; half++)
            {
                float* row = logits + (((2 * key) + half) * TSimd.Lanes);
                TSimd.Store(TSimd.Select(TSimd.LessThan(TSimd.Broadcast(key), TSimd.Load(visible + (half * TSimd.Lanes))), TSimd.Load(row), hidden), row);
            }
        }
    }

    /// <summary>Each row's largest logit: −∞ over no keys, NaN where one is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Maximum(float* logits, int keys, float* maximum)
    {
        int stride = 2 * TSimd.Lanes;
        for (int half = 0; half < 2; half++, logits += TSimd.Lanes, maximum += TSimd.Lanes)
        {
            TVector largest = TSimd.Broadcast(float.NegativeInfinity);
            TVector sum = default;
            float* row = logits;
            int key = 0;
            for (; key <= keys - 4; key += 4, row += 4 * stride)
            {
                TVector x0 = TSimd.Load(row);
                TVector x1 = TSimd.Load(row + stride);
                TVector x2 = TSimd.Load(row + (2 * stride));
                TVector x3 = TSimd.Load(row + (3 * stride));
                largest = TSimd.MaxNative(largest, TSimd.MaxNative(TSimd.MaxNative(x0, x1), TSimd.MaxNative(x2, x3)));
                sum = TSimd.Add(sum, TSimd.Add(TSimd.Add(x0, x1), TSimd.Add(x2, x3)));
            }
            for (; key < keys; key++, row += stride)
            {
                largest = TSimd.MaxNative(largest, TSimd.Load(row));
                sum = TSimd.Add(sum, TSimd.Load(row));
            }
            // The one-instruction maximum may drop a NaN; the sum cannot. It is also NaN for ∞ − ∞, which only costs time.
            TSimd.Store(TSimd.SignBits(TSimd.IsNaN(sum)) == 0 ? largest : PropagatingMaximum(logits, keys), maximum);
        }
    }

    /// <summary>
    /// Takes a tile into the softmax: logits become weights <c>2^(logit − m)</c>, m the new maximum, l the new denominator.
    /// </summary>
    /// <param name="logits"><c>[key, row]</c>.</param>
    /// <param name="keys">Keys of the tile that some row of the panel sees.</param>
    /// <param name="tileMaximum">m̃ of each row.</param>
    /// <param name="maximum">m.</param>
    /// <param name="denominator">l.</param>
    /// <param name="decay">Written: the factor of what was summed before.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Update(float* logits, int keys, float* tileMaximum, float* maximum, float* denominator, float* decay)
    {
        for (int half = 0; half < 2; half++)
        {
            int lane = half * TSimd.Lanes;
            TVector before = TSimd.Load(maximum + lane);
            TVector after = TSimd.Max(before, TSimd.Load(tileMaximum + lane));
            // A row without any key so far has m = −∞; −∞ − 0 keeps its weights 0 where −∞ − (−∞) would be NaN.
            TVector shift = TSimd.Select(TSimd.LessThan(after, TSimd.Broadcast(float.MinValue)), default, after);
            TVector factor = Exponential.Exp2<TSimd, TVector>(TSimd.Subtract(before, shift));
            TVector sum = default;
            float* row = logits + lane;
            for (int key = 0; key < keys; key++, row += 2 * TSimd.Lanes)
            {
                TVector weight = Exponential.Exp2<TSimd, TVector>(TSimd.Subtract(TSimd.Load(row), shift));
                TSimd.Store(weight, row);
                sum = TSimd.Add(sum, weight);
            }
            TSimd.Store(after, maximum + lane);
            TSimd.Store(factor, decay + lane);
            TSimd.Store(TSimd.FusedMultiplyAdd(TSimd.Load(denominator + lane), factor, sum), denominator + lane);
        }
    }

    private static TVector PropagatingMaximum(float* logits, int keys)
    {
        TVector largest = TSimd.Broadcast(float.NegativeInfinity);
        for (int key = 0; key < keys; key++, logits += 2 * TSimd.Lanes)
        {
            largest = TSimd.Max(largest, TSimd.Load(logits));
        }
        return largest;
    }
}
