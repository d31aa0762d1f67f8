using System.Buffers;
using System.Runtime.InteropServices;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Uninitialized scratch memory, aligned to a cache line, of the shared array pool: what a call gives back the next one finds mapped, whereas
/// the pages of fresh memory cost more than what is written to them.
/// </summary>
internal unsafe ref struct PooledFloats
{
    private readonly float[] array;
    private PinnedGCHandle<float[]> pin;

    public PooledFloats(long count)
    {
        const int Line = CacheLine.Bytes;
        array = ArrayPool<float>.Shared.Rent(checked((int)count + (Line / sizeof(float))));
        pin = new(array);
        First = (float*)(((nuint)pin.GetAddressOfArrayData() + (Line - 1)) & ~(nuint)(Line - 1));
    }

    /// <summary>The first float.</summary>
    public float* First { get; private set; }

    public void Dispose()
    {
        pin.Dispose();
        ArrayPool<float>.Shared.Return(array);
        First = null;
    }
}
