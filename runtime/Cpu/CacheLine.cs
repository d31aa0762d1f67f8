using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SkipSoftmax.Cpu;

/// <summary>What is fetched from memory before it is read.</summary>
internal static unsafe class CacheLine
{
    /// <summary>Bytes of a line.</summary>
    public const int Bytes = 64;

    /// <summary>
    /// Has up to two lines fetched, to the second-level cache. Fetched to the first level, they would hold the few buffers of its misses for all of
    /// memory's latency, and loads from the second level would wait behind them.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fetch(byte* first, int bytes)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch1(first);
            if (bytes > Bytes)
            {
                Sse.Prefetch1(first + Bytes);
            }
        }
    }
}
