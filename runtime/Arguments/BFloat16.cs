using System.Globalization;
using System.Runtime.CompilerServices;

namespace SkipSoftmax;

/// <summary>A bfloat16 number: sign, 8 exponent and 7 fraction bits, the upper half of a float32. Blittable, 2 bytes.</summary>
/// <remarks>.NET 10 has no such type; spans of other libraries' bfloat16 (or of <see cref="ushort"/> bits) can be reinterpreted with
/// <see cref="System.Runtime.InteropServices.MemoryMarshal.Cast{TFrom, TTo}(Span{TFrom})"/>.</remarks>
public readonly struct BFloat16 : IEquatable<BFloat16>
{
    private readonly ushort bits;

    private BFloat16(ushort bits) => this.bits = bits;

    /// <summary>The 16 bits of the number.</summary>
    public ushort Bits => bits;

    /// <summary>The number with these 16 bits.</summary>
    public static BFloat16 FromBits(ushort bits) => new(bits);

    /// <summary>Rounds to nearest, ties to even; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static explicit operator BFloat16(float value)
    {
        uint single = BitConverter.SingleToUInt32Bits(value);
        if ((single & 0x7FFF_FFFF) > 0x7F80_0000)
        {
            return new((ushort)((single >> 16) | 0x40)); // keep the sign and make it quiet
        }
        return new((ushort)((single + 0x7FFF + ((single >> 16) & 1)) >> 16));
    }

    /// <summary>Exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.bits << 16);

    /// <inheritdoc/>
    public bool Equals(BFloat16 other) => ((float)this).Equals(other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((float)this).GetHashCode();

    /// <summary>Compares as float32.</summary>
    public static bool operator ==(BFloat16 left, BFloat16 right) => (float)left == right;

    /// <summary>Compares as float32.</summary>
    public static bool operator !=(BFloat16 left, BFloat16 right) => !(left == right);

    /// <summary>The value in the invariant culture.</summary>
    public override string ToString() => ((float)this).ToString(CultureInfo.InvariantCulture);
}
