using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SkipSoftmax.Cpu;

/// <summary>
/// The vector operations of the CPU path, so that each kernel is written once and compiled for every width: a kernel takes the width
/// as a struct type argument, for which the JIT specializes it.
/// </summary>
/// <typeparam name="TVector">The platform's vector of floats.</typeparam>
internal unsafe interface ISimd<TVector> where TVector : struct
{
    /// <summary>Floats in a vector.</summary>
    static abstract int Lanes { get; }

    static abstract TVector Load(float* source);

    static abstract void Store(TVector value, float* destination);

    static abstract TVector Broadcast(float value);

    static abstract TVector Add(TVector left, TVector right);

    static abstract TVector Subtract(TVector left, TVector right);

    static abstract TVector Multiply(TVector left, TVector right);

    /// <summary><c>left · right + addend</c>, rounded once.</summary>
    static abstract TVector FusedMultiplyAdd(TVector left, TVector right, TVector addend);

    /// <summary>IEEE 754 maximum: NaN where either is NaN.</summary>
    static abstract TVector Max(TVector left, TVector right);

    /// <summary>The machine's one-instruction maximum: which operand it returns beside a NaN is not defined.</summary>
    static abstract TVector MaxNative(TVector left, TVector right);

    /// <summary>All bits set where <c>left &lt; right</c>; false beside a NaN.</summary>
    static abstract TVector LessThan(TVector left, TVector right);

    /// <summary>The product where the mask is clear, +0 where it is set: one instruction where vectors have mask registers.</summary>
    static abstract TVector MultiplyUnless(TVector mask, TVector left, TVector right);

    /// <summary>All bits set where NaN.</summary>
    static abstract TVector IsNaN(TVector value);

    static abstract TVector Select(TVector mask, TVector whereSet, TVector whereClear);

    /// <summary>The bits of each lane moved left by 23, to where the exponent is.</summary>
    static abstract TVector ShiftToExponent(TVector bits);

    /// <summary>Bit i is the sign of lane i.</summary>
    static abstract uint SignBits(TVector value);

    static abstract float Sum(TVector value);

    /// <summary>The first step of the sums over the lanes of four vectors: <c>[a, b, a, b]</c> in every four lanes, each a sum of two.</summary>
    static abstract TVector SumPairs(TVector a, TVector b);

    /// <summary>The second step: of <c>[a, b, a, b]</c> and <c>[c, d, c, d]</c> to <c>[a, b, c, d]</c> in every four lanes.</summary>
    static abstract TVector SumHalves(TVector ab, TVector cd);

    /// <summary>The last step: stores sixteen sums, each four lanes of a vector added to its other fours.</summary>
    static abstract void StoreSums(float* destination, TVector first, TVector second, TVector third, TVector fourth);

    /// <summary>Four floats, repeated in every four lanes.</summary>
    static abstract TVector RepeatFour(Vector128<float> four);

    /// <summary>Each lane of four added to those of the other fours.</summary>
    static abstract Vector128<float> SumFours(TVector value);

    /// <summary>The <see cref="Max"/> of each lane of four and those of the other fours.</summary>
    static abstract Vector128<float> MaxFours(TVector value);

    /// <summary>Lanes of two bfloat16: the one in the lower half of each.</summary>
    static abstract TVector LowerHalves(TVector pairs);

    /// <summary>Lanes of two bfloat16: the one in the upper half of each.</summary>
    static abstract TVector UpperHalves(TVector pairs);
}

/// <summary>512-bit vectors: AVX-512.</summary>
internal readonly unsafe struct Simd512 : ISimd<Vector512<float>>
{
    public static int Lanes => Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* source) => Vector512.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* destination) => value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Broadcast(float value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> left, Vector512<float> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Subtract(Vector512<float> left, Vector512<float> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Multiply(Vector512<float> left, Vector512<float> right) => left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> FusedMultiplyAdd(Vector512<float> left, Vector512<float> right, Vector512<float> addend) =>
        Vector512.FusedMultiplyAdd(left, right, addend);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Max(Vector512<float> left, Vector512<float> right) => Vector512.Max(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MaxNative(Vector512<float> left, Vector512<float> right) => Vector512.MaxNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LessThan(Vector512<float> left, Vector512<float> right) => Vector512.LessThan(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyUnless(Vector512<float> mask, Vector512<float> left, Vector512<float> right) =>
        Vector512.ConditionalSelect(~mask, left * right, Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> IsNaN(Vector512<float> value) => Vector512.IsNaN(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Select(Vector512<float> mask, Vector512<float> whereSet, Vector512<float> whereClear) =>
        Vector512.ConditionalSelect(mask, whereSet, whereClear);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ShiftToExponent(Vector512<float> bits) => (bits.AsInt32() << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SignBits(Vector512<float> value) => (uint)value.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> value) => Vector512.Sum(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SumPairs(Vector512<float> a, Vector512<float> b) => Avx512F.IsSupported
        ? Avx512F.UnpackLow(a, b) + Avx512F.UnpackHigh(a, b)
        : Vector512.Create(Simd256.SumPairs(a.GetLower(), b.GetLower()), Simd256.SumPairs(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SumHalves(Vector512<float> ab, Vector512<float> cd) => Avx512F.IsSupported
        ? Avx512F.Shuffle(ab, cd, 0x44) + Avx512F.Shuffle(ab, cd, 0xEE)
        : Vector512.Create(Simd256.SumHalves(ab.GetLower(), cd.GetLower()), Simd256.SumHalves(ab.GetUpper(), cd.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSums(float* destination, Vector512<float> first, Vector512<float> second, Vector512<float> third, Vector512<float> fourth)
    {
        if (Avx512F.IsSupported)
        {
            SumQuarters(SumQuarters(first, second), SumQuarters(third, fourth)).Store(destination);
        }
        else
        {
            Simd256.StoreSums(destination, Fold(first), Fold(second), Fold(third), Fold(fourth));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> RepeatFour(Vector128<float> four) => Vector512.Create(four);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumFours(Vector512<float> value) => Simd256.SumFours(Fold(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MaxFours(Vector512<float> value) => Simd256.MaxFours(Vector256.Max(value.GetLower(), value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LowerHalves(Vector512<float> pairs) => (pairs.AsUInt32() << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> UpperHalves(Vector512<float> pairs) => (pairs.AsUInt32() & Vector512.Create(0xFFFF0000u)).AsSingle();

    /// <summary>Of neighbouring quarters: those of the first vector, then those of the second.</summary>
    private static Vector512<float> SumQuarters(Vector512<float> first, Vector512<float> second) =>
        Avx512F.Shuffle4x128(first, second, 0x88) + Avx512F.Shuffle4x128(first, second, 0xDD);

    private static Vector256<float> Fold(Vector512<float> value) => value.GetLower() + value.GetUpper();
}

/// <summary>256-bit vectors: AVX2 with FMA.</summary>
internal readonly unsafe struct Simd256 : ISimd<Vector256<float>>
{
    public static int Lanes => Vector256<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, float* destination) => value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Broadcast(float value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> left, Vector256<float> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Subtract(Vector256<float> left, Vector256<float> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> left, Vector256<float> right) => left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> FusedMultiplyAdd(Vector256<float> left, Vector256<float> right, Vector256<float> addend) =>
        Vector256.FusedMultiplyAdd(left, right, addend);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Max(Vector256<float> left, Vector256<float> right) => Vector256.Max(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MaxNative(Vector256<float> left, Vector256<float> right) => Vector256.MaxNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LessThan(Vector256<float> left, Vector256<float> right) => Vector256.LessThan(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyUnless(Vector256<float> mask, Vector256<float> left, Vector256<float> right) =>
        Vector256.AndNot(left * right, mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> IsNaN(Vector256<float> value) => Vector256.IsNaN(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Select(Vector256<float> mask, Vector256<float> whereSet, Vector256<float> whereClear) =>
        Vector256.ConditionalSelect(mask, whereSet, whereClear);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ShiftToExponent(Vector256<float> bits) => (bits.AsInt32() << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SignBits(Vector256<float> value) => value.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> value) => Vector256.Sum(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SumPairs(Vector256<float> a, Vector256<float> b) => Avx.IsSupported
        ? Avx.UnpackLow(a, b) + Avx.UnpackHigh(a, b)
        : Vector256.Create(Simd128.SumPairs(a.GetLower(), b.GetLower()), Simd128.SumPairs(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SumHalves(Vector256<float> ab, Vector256<float> cd) => Avx.IsSupported
        ? Avx.Shuffle(ab, cd, 0x44) + Avx.Shuffle(ab, cd, 0xEE)
        : Vector256.Create(Simd128.SumHalves(ab.GetLower(), cd.GetLower()), Simd128.SumHalves(ab.GetUpper(), cd.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSums(float* destination, Vector256<float> first, Vector256<float> second, Vector256<float> third, Vector256<float> fourth) =>
        Simd128.StoreSums(destination, Fold(first), Fold(second), Fold(third), Fold(fourth));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> RepeatFour(Vector128<float> four) => Vector256.Create(four);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumFours(Vector256<float> value) => Fold(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MaxFours(Vector256<float> value) => Vector128.Max(value.GetLower(), value.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LowerHalves(Vector256<float> pairs) => (pairs.AsUInt32() << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> UpperHalves(Vector256<float> pairs) => (pairs.AsUInt32() & Vector256.Create(0xFFFF0000u)).AsSingle();

    private static Vector128<float> Fold(Vector256<float> value) => value.GetLower() + value.GetUpper();
}

/// <summary>128-bit vectors: NEON, and what every platform has.</summary>
internal readonly unsafe struct Simd128 : ISimd<Vector128<float>>
{
    public static int Lanes => Vector128<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load(float* source) => Vector128.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<float> value, float* destination) => value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Broadcast(float value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> left, Vector128<float> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Subtract(Vector128<float> left, Vector128<float> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Multiply(Vector128<float> left, Vector128<float> right) => left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> FusedMultiplyAdd(Vector128<float> left, Vector128<float> right, Vector128<float> addend) =>
        Vector128.FusedMultiplyAdd(left, right, addend);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Max(Vector128<float> left, Vector128<float> right) => Vector128.Max(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MaxNative(Vector128<float> left, Vector128<float> right) => Vector128.MaxNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LessThan(Vector128<float> left, Vector128<float> right) => Vector128.LessThan(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyUnless(Vector128<float> mask, Vector128<float> left, Vector128<float> right) =>
        Vector128.AndNot(left * right, mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> IsNaN(Vector128<float> value) => Vector128.IsNaN(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Select(Vector128<float> mask, Vector128<float> whereSet, Vector128<float> whereClear) =>
        Vector128.ConditionalSelect(mask, whereSet, whereClear);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ShiftToExponent(Vector128<float> bits) => (bits.AsInt32() << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SignBits(Vector128<float> value) => value.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector128<float> value) => Vector128.Sum(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumPairs(Vector128<float> a, Vector128<float> b) => Sse.IsSupported
        ? Sse.UnpackLow(a, b) + Sse.UnpackHigh(a, b)
        : Vector128.Create(a[0] + a[2], b[0] + b[2], a[1] + a[3], b[1] + b[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumHalves(Vector128<float> ab, Vector128<float> cd) =>
        Vector128.Create(ab.GetLower(), cd.GetLower()) + Vector128.Create(ab.GetUpper(), cd.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSums(float* destination, Vector128<float> first, Vector128<float> second, Vector128<float> third, Vector128<float> fourth)
    {
        first.Store(destination);
        second.Store(destination + Lanes);
        third.Store(destination + (2 * Lanes));
        fourth.Store(destination + (3 * Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> RepeatFour(Vector128<float> four) => four;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumFours(Vector128<float> value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MaxFours(Vector128<float> value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LowerHalves(Vector128<float> pairs) => (pairs.AsUInt32() << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> UpperHalves(Vector128<float> pairs) => (pairs.AsUInt32() & Vector128.Create(0xFFFF0000u)).AsSingle();
}
