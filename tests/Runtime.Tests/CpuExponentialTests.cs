using System.Runtime.Intrinsics;
using SkipSoftmax.Cpu;
using Xunit.Abstractions;

namespace Runtime.Tests;

public sealed class CpuExponentialTests(ITestOutputHelper output)
{
    [Fact]
    public void Exp2_is_within_1_ulp_over_its_whole_range()
    {
        double worst = 0;
        for (float x = 0; x >= -126; x -= 1 / 4096f)
        {
            double exact = Math.Pow(2, x);
            double ulp = MathF.BitIncrement((float)exact) - (double)(float)exact;
            worst = Math.Max(worst, Math.Abs(Exp2(x) - exact) / ulp);
        }
        output.WriteLine($"worst error {worst:F3} ulp");
        Assert.InRange(worst, 0, 1);
    }

    [Fact]
    public void Exp2_of_zero_is_exactly_one_so_that_an_unchanged_maximum_changes_no_bit()
    {
        Assert.Equal(1f, Exp2(0f));
        Assert.Equal(1f, Exp2(-0f));
    }

    [Theory]
    [InlineData(float.NegativeInfinity)]
    [InlineData(float.MinValue)]
    [InlineData(-1e30f)]
    [InlineData(-126.5f)]
    public void Exp2_below_the_normal_range_is_exactly_zero(float x) => Assert.Equal(0u, BitConverter.SingleToUInt32Bits(Exp2(x)));

    [Theory]
    [InlineData(0x7FC0_0000u)]
    [InlineData(0xFFC0_0000u)]
    [InlineData(0x7FFF_FFFFu)]
    [InlineData(0xFFC0_0101u)]
    public void Exp2_of_any_NaN_is_NaN(uint bits) => Assert.True(float.IsNaN(Exp2(BitConverter.UInt32BitsToSingle(bits))));

    [Fact]
    public void Exp2_has_the_same_bits_at_every_vector_width()
    {
        for (float x = 0; x > -130; x -= 0.01f)
        {
            float narrow = Exponential.Exp2<Simd128, Vector128<float>>(Vector128.Create(x)).ToScalar();
            Assert.Equal(narrow, Exponential.Exp2<Simd256, Vector256<float>>(Vector256.Create(x)).ToScalar());
            Assert.Equal(narrow, Exponential.Exp2<Simd512, Vector512<float>>(Vector512.Create(x)).ToScalar());
        }
    }

    private static float Exp2(float x) => Exponential.Exp2<Simd256, Vector256<float>>(Vector256.Create(x)).ToScalar();
}
