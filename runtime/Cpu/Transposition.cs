using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace SkipSoftmax.Cpu;

/// <summary>Matrices turned about: <c>destination[column, row] = source[row, column]</c>, with strides in floats.</summary>
internal static unsafe class Transposition
{
    /// <summary>Rows and columns that <see cref="Copy"/> takes at once.</summary>
    private const int Block = 4;

    /// <summary>Turns a matrix whose rows and columns are multiples of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(float* source, nint sourceStride, int rows, int columns, float* destination, nint destinationStride)
    {
        for (int row = 0; row < rows; row += Block, source += Block * sourceStride, destination += Block)
        {
            float* to = destination;
            for (float* from = source, end = source + columns; from < end; from += Block, to += Block * destinationStride)
            {
                Vector128<float> a = Vector128.Load(from), b = Vector128.Load(from + sourceStride);
                Vector128<float> c = Vector128.Load(from + (2 * sourceStride)), d = Vector128.Load(from + (3 * sourceStride));
                Vector128<float> ab = InterleaveLower(a, b), cd = InterleaveLower(c, d);
                JoinLower(ab, cd).Store(to);
                JoinUpper(ab, cd).Store(to + destinationStride);
                (ab, cd) = (InterleaveUpper(a, b), InterleaveUpper(c, d));
                JoinLower(ab, cd).Store(to + (2 * destinationStride));
                JoinUpper(ab, cd).Store(to + (3 * destinationStride));
            }
        }
    }

    /// <summary>Turns two rows whose columns are a multiple of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopyPair(float* source, nint sourceStride, int columns, float* destination, nint destinationStride)
    {
        for (float* end = source + columns; source < end; source += Block, destination += Block * destinationStride)
        {
            Vector128<float> a = Vector128.Load(source), b = Vector128.Load(source + sourceStride);
            Vector128<double> first = InterleaveLower(a, b).AsDouble(), second = InterleaveUpper(a, b).AsDouble();
            *(double*)destination = first[0];
            *(double*)(destination + destinationStride) = first[1];
            *(double*)(destination + (2 * destinationStride)) = second[0];
            *(double*)(destination + (3 * destinationStride)) = second[1];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> InterleaveLower(Vector128<float> even, Vector128<float> odd) =>
        Sse.IsSupported ? Sse.UnpackLow(even, odd)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(even, odd)
        : Vector128.Create(even[0], odd[0], even[1], odd[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> InterleaveUpper(Vector128<float> even, Vector128<float> odd) =>
        Sse.IsSupported ? Sse.UnpackHigh(even, odd)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(even, odd)
        : Vector128.Create(even[2], odd[2], even[3], odd[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> JoinLower(Vector128<float> first, Vector128<float> second) =>
        Sse2.IsSupported ? Sse2.UnpackLow(first.AsDouble(), second.AsDouble()).AsSingle()
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(first.AsDouble(), second.AsDouble()).AsSingle()
        : Vector128.Create(first[0], first[1], second[0], second[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> JoinUpper(Vector128<float> first, Vector128<float> second) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(first.AsDouble(), second.AsDouble()).AsSingle()
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(first.AsDouble(), second.AsDouble()).AsSingle()
        : Vector128.Create(first[2], first[3], second[2], second[3]);
}
