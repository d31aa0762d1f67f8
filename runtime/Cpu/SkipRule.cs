using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>
/// The vote of a row: it agrees to skip a tile when <c>m̃ &lt; max(m, −1e30) + ln λ</c>, in log2 units here; false beside a NaN. The
/// finite floor, which also stands in for an m of NaN, lets every row agree to a tile without any key for it, and a row without any key so
/// far keep every other.
/// </summary>
internal static unsafe class SkipRule
{
    private const float Floor = (float)(-1e30 * AttentionCall.Log2E);

    /// <summary>The vote of one row.</summary>
    public static bool Agrees(float tileMaximum, float maximum, float log2Threshold) => tileMaximum < float.MaxNumber(maximum, Floor) + log2Threshold;

    /// <summary>Whether all of <paramref name="rows"/> rows agree. The arrays hold whole vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool AllAgree<TSimd, TVector>(float* tileMaximum, float* maximum, int rows, float log2Threshold)
        where TSimd : struct, ISimd<TVector> where TVector : struct
    {
        int lanes = TSimd.Lanes;
        TVector floor = TSimd.Broadcast(Floor);
        TVector threshold = TSimd.Broadcast(log2Threshold);
        for (int row = 0; row < rows; row += lanes)
        {
            TVector running = TSimd.Load(maximum + row);
            TVector limit = TSimd.Add(TSimd.Select(TSimd.IsNaN(running), floor, TSimd.Max(running, floor)), threshold);
            uint agree = TSimd.SignBits(TSimd.LessThan(TSimd.Load(tileMaximum + row), limit));
            uint voters = (1u << Math.Min(lanes, rows - row)) - 1;
            if ((agree & voters) != voters)
            {
                return false;
            }
        }
        return true;
    }
}
