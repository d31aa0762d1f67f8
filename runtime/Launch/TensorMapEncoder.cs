using SkipSoftmax.Arguments;
using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>
/// Describes Q, K or V to TMA as five dimensions: 64 elements (one 128-byte swizzle row), tokens, panels of 64 elements, heads,
/// sequences. One box holds some tokens of all panels of one head, so a head's vector lands as head_dim / 64 swizzled panels.
/// </summary>
internal static unsafe class TensorMapEncoder
{
    /// <summary>Elements of one panel row: 128 bytes of a 2-byte type.</summary>
    public const int PanelElements = 64;

    private const int Rank = 5;

    /// <param name="driver">Encodes; touches no device.</param>
    /// <param name="map">Where to write, 64-byte aligned.</param>
    /// <param name="name">The argument, for errors.</param>
    /// <param name="view">A tensor that <see cref="DeviceLayout"/> has passed.</param>
    /// <param name="boxTokens">Tokens of one load.</param>
    /// <param name="promotion">What L2 fetches where it misses.</param>
    public static void Encode(ICudaDriver driver, TensorMap* map, string name, TensorView view, int boxTokens, TensorMapL2Promotion promotion)
    {
        TensorShape shape = view.Shape;
        int size = TensorLayout.SizeOf(view.Element);
        uint panels = (uint)(shape.HeadDim / PanelElements);
        ulong* extents = stackalloc ulong[Rank] { PanelElements, (ulong)shape.Length, panels, (ulong)shape.Heads, (ulong)shape.Batch };
        TensorStrides strides = view.Strides, packed = shape.Packed;
        ulong* byteStrides = stackalloc ulong[Rank - 1]
        {
            StrideBytes(shape.Length, strides.Length, packed.Length, size),
            (ulong)(PanelElements * size),
            StrideBytes(shape.Heads, strides.Head, packed.Head, size),
            StrideBytes(shape.Batch, strides.Batch, packed.Batch, size),
        };
        uint* box = stackalloc uint[Rank] { PanelElements, (uint)boxTokens, panels, 1, 1 };
        uint* elementStrides = stackalloc uint[Rank] { 1, 1, 1, 1, 1 };
        TensorMapDataType type = view.Element == ElementType.BFloat16 ? TensorMapDataType.BFloat16 : TensorMapDataType.Float16;
        CudaResult result = driver.TensorMapEncodeTiled(map, type, Rank, view.DevicePointer, extents, byteStrides, box, elementStrides,
            TensorMapSwizzle.Bytes128, promotion);
        if (result != CudaResult.Success)
        {
            throw new ArgumentException(
                $"The driver can't describe {name} of shape {shape} with strides {strides} at 0x{view.DevicePointer:x} to TMA ({driver.Explain(result)}): copy the tensor into a packed one.", name);
        }
    }

    /// <summary>The stride of a dimension of extent 1 is never used, but must be valid: the packed one is.</summary>
    private static ulong StrideBytes(int extent, long stride, long packed, int size) => (ulong)((extent == 1 ? packed : stride) * size);
}
