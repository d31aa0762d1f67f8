using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>2^x for the softmax: x ≤ 0, where the logits are kept in log2 units.</summary>
internal static class Exponential
{
    /// <summary>Below it the result is 0: 2^−126 is the smallest normal float.</summary>
    private const float Smallest = -126f;

    /// <summary>1.5 · 2^23 + 127. Adding it rounds x to an integer n, and leaves n + 127, the biased exponent of 2^n, in the low bits.</summary>
    private const float RoundingBias = 12582912f + 127f;

    /// <summary>
    /// 2^x within 1 ulp for −126 ≤ x ≤ 0; exactly 1 at 0, exactly 0 below −126 and at −∞; NaN for NaN. 2^x = 2^n · 2^f with n = round(x);
    /// 2^f on [−½, ½] is a minimax polynomial of relative error 2e-9.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp2<TSimd, TVector>(TVector x) where TSimd : struct, ISimd<TVector> where TVector : struct
    {
        TVector bias = TSimd.Broadcast(RoundingBias);
        TVector biased = TSimd.Add(x, bias);
        TVector f = TSimd.Subtract(x, TSimd.Subtract(biased, bias));
        // Horner's scheme has the fewest operations; the loops of the softmax hide its latency behind other vectors.
        TVector power = TSimd.FusedMultiplyAdd(TSimd.Broadcast(0.000153533634f), f, TSimd.Broadcast(0.0013398875f));
        power = TSimd.FusedMultiplyAdd(power, f, TSimd.Broadcast(0.00961843692f));
        power = TSimd.FusedMultiplyAdd(power, f, TSimd.Broadcast(0.0555033237f));
        power = TSimd.FusedMultiplyAdd(power, f, TSimd.Broadcast(0.240226477f));
        power = TSimd.FusedMultiplyAdd(power, f, TSimd.Broadcast(0.693147182f));
        power = TSimd.FusedMultiplyAdd(power, f, TSimd.Broadcast(1f));
        // A product, not an addition of exponents, so that a NaN stays one.
        return TSimd.MultiplyUnless(TSimd.LessThan(x, TSimd.Broadcast(Smallest)), power, TSimd.ShiftToExponent(biased));
    }
}
