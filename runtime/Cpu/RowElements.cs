using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>
/// How the decode kernels read head vectors of one element type: two vectors of float32 at a time, without a copy. Queries and numerators
/// are kept in the order in which the elements come, which for bfloat16 is not the order in memory.
/// </summary>
internal unsafe interface IRowElements<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    /// <summary>Elements <paramref name="index"/> … <c>index + 2 · Lanes − 1</c> of a row.</summary>
    static abstract void Load(byte* row, nint index, out TVector first, out TVector second);

    /// <summary>Has fetched what <see cref="Load"/> would read, into the cache that <see cref="CacheLine.Fetch"/> says.</summary>
    static abstract void Fetch(byte* row, nint index);

    /// <summary>Where element <paramref name="index"/> of a row comes in kernel order.</summary>
    static abstract int PositionOf(int index);
}

/// <summary>float32, also that which other types were converted to.</summary>
internal readonly unsafe struct Float32Rows<TSimd, TVector> : IRowElements<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* row, nint index, out TVector first, out TVector second)
    {
        first = TSimd.Load((float*)row + index);
        second = TSimd.Load((float*)row + index + TSimd.Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fetch(byte* row, nint index) => CacheLine.Fetch(row + (index * sizeof(float)), 2 * TSimd.Lanes * sizeof(float));

    public static int PositionOf(int index) => index;
}

/// <summary>bfloat16: one load holds the elements of even index in the lower halves of its lanes and those of odd index in the upper ones.</summary>
internal readonly unsafe struct BFloat16Rows<TSimd, TVector> : IRowElements<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* row, nint index, out TVector first, out TVector second)
    {
        TVector pairs = TSimd.Load((float*)(row + (index * sizeof(ushort))));
        first = TSimd.LowerHalves(pairs);
        second = TSimd.UpperHalves(pairs);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fetch(byte* row, nint index) => CacheLine.Fetch(row + (index * sizeof(ushort)), 2 * TSimd.Lanes * sizeof(ushort));

    public static int PositionOf(int index)
    {
        (int block, int offset) = Math.DivRem(index, 2 * TSimd.Lanes);
        return (block * 2 * TSimd.Lanes) + (offset % 2 * TSimd.Lanes) + (offset / 2);
    }
}
