using System.Buffers;
using System.Runtime.InteropServices;

namespace SkipSoftmax.Cpu;

/// <summary>
/// Uninitialized scratch memory, aligned to a cache line, from the shared array pool: what a call gives back the next one finds mapped, whereas
/// the first touch of fresh memory costs more than what is written to it.
/// </summary>
internal unsafe ref struct PooledFloats
{
    private readonly Line[] lines;
    private PinnedGCHandle<Line[]> pin;

    public PooledFloats(long count)
    {
        const int Floats = CacheLine.Bytes / sizeof(float);
        lines = ArrayPool<Line>.Shared.Rent(checked((int)((count + (Floats - 1)) / Floats) + 1));
        pin = new(lines);
        First = (float*)(((nuint)pin.GetAddressOfArrayData() + (CacheLine.Bytes - 1)) & ~(nuint)(CacheLine.Bytes - 1));
    }

    /// <summary>The first float.</summary>
    public float* First { get; private set; }

    public void Dispose()
    {
        pin.Dispose();
        ArrayPool<Line>.Shared.Return(lines);
        First = null;
    }

    [StructLayout(LayoutKind.Sequential, Size = CacheLine.Bytes)]
    private readonly struct Line;
}
