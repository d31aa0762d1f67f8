using SkipSoftmax.Arguments;
using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>
/// The tensor maps of a device's last tensors, so that a launch on tensors that were seen before asks the driver for none: a step of decode has
/// the same keys and values, layer for layer, as the one before. A map depends on nothing but what it is found by.
/// </summary>
internal sealed unsafe class TensorMapCache
{
    /// <summary>Query, key and value of over 300 layers, where none meets another's.</summary>
    private const int Entries = 1024;

    private readonly Lock guard = new();
    private readonly Entry[] entries = new Entry[Entries];

    /// <inheritdoc cref="TensorMapEncoder.Encode"/>
    public void Encode(ICudaDriver driver, TensorMap* map, string name, TensorView view, int boxTokens, TensorMapL2Promotion promotion)
    {
        Key key = new(view.DevicePointer, view.Shape, view.Strides, view.Element, boxTokens, promotion);
        ref Entry entry = ref entries[IndexOf(view.DevicePointer, boxTokens)];
        lock (guard)
        {
            if (entry.Key == key) // that of an empty entry has no head_dim
            {
                *map = entry.Map;
                return;
            }
            TensorMapEncoder.Encode(driver, map, name, view, boxTokens, promotion);
            (entry.Key, entry.Map) = (key, *map);
        }
    }

    /// <summary>By multiplication, since tensors of layers lie at even distances. One tensor may be query and key alike, in other boxes.</summary>
    private static int IndexOf(nint address, int boxTokens)
    {
        const ulong golden = 0x9E37_79B9_7F4A_7C15;
        return (int)((((ulong)address + (ulong)boxTokens) * golden) >> 54); // of 1,024
    }

    private readonly record struct Key(nint Address, TensorShape Shape, TensorStrides Strides, ElementType Element, int BoxTokens, TensorMapL2Promotion Promotion);

    private struct Entry
    {
        public Key Key;
        public TensorMap Map;
    }
}
