using System.Runtime.InteropServices;
using SkipSoftmax;
using SkipSoftmax.Arguments;
using SkipSoftmax.Cpu;

namespace Runtime.Tests;

public sealed class CpuRoundingTests
{
    /// <summary>Both signs, all exponents, and what decides: the last bit that stays, a half, and the bits beside it; ∞ and NaNs among them.</summary>
    [Fact]
    public unsafe void Rows_are_rounded_to_bfloat16_as_single_numbers_are()
    {
        const int HeadDim = 256;
        float[] row = new float[HeadDim];
        var rounded = new BFloat16[HeadDim];
        fixed (float* source = row)
        fixed (BFloat16* destination = rounded)
        {
            var tensor = new PinnedTensor((byte*)destination, ElementType.BFloat16, new(HeadDim, HeadDim, HeadDim), HeadDim);
            uint[] lower = [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0x1234, 0xABCD];
            for (uint upper = 0; upper <= 0xFFFF; upper += HeadDim / 8)
            {
                for (int i = 0; i < HeadDim; i++)
                {
                    row[i] = BitConverter.UInt32BitsToSingle(((upper + (uint)(i / 8)) << 16) | lower[i % 8]);
                }
                tensor.Write(0, 0, 0, source);
                Assert.Equal(MemoryMarshal.Cast<BFloat16, ushort>(Array.ConvertAll(row, value => (BFloat16)value)), MemoryMarshal.Cast<BFloat16, ushort>(rounded));
            }
        }
    }
}
