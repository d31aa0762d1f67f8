using System.Runtime.InteropServices;

namespace SkipSoftmax.Cpu;

/// <summary>Uninitialized scratch memory outside the GC heap, aligned to a cache line.</summary>
internal unsafe ref struct NativeFloats
{
    private const int Alignment = 64;

    public NativeFloats(long count)
    {
        First = (float*)NativeMemory.AlignedAlloc(checked((nuint)count * sizeof(float)), Alignment);
    }

    /// <summary>The first float.</summary>
    public float* First { get; private set; }

    public void Dispose()
    {
        NativeMemory.AlignedFree(First);
        First = null;
    }
}
