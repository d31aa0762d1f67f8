namespace SkipSoftmax.Descriptors;

/// <summary>One kernel specialized for one GPU target: what the runtime needs to compile and launch it.</summary>
public sealed record GpuKernel
{
    /// <summary>Name of the variant: says everything that decides its answers and its speed.</summary>
    public required string Name { get; init; }

    /// <summary>The one architecture this text is for.</summary>
    public required GpuTargets Target { get; init; }

    /// <summary>Name of the <c>extern "C"</c> entry point.</summary>
    public required string EntryPoint { get; init; }

    /// <summary>Query rows of one work tile (a CTA's). Of decode: the most rows (query heads × query tokens) that may share a key/value head; kernels of
    /// one target differ in it only, ascending.</summary>
    public required int QueryTile { get; init; }

    /// <summary>Query rows of one TMA load of Q (one warpgroup's); 0 for decode, which loads Q otherwise.</summary>
    public required int QueryBox { get; init; }

    /// <summary>Rows of one TMA load of K. Of prefill: the keys of one product tile. Of decode: of a decision, or of a page if that is smaller.</summary>
    public required int KeyTile { get; init; }

    /// <summary>Rows of one TMA load of V: the keys of one decision, so that V is read only where a decision keeps it.</summary>
    public required int ValueBox { get; init; }

    /// <summary>Threads in a CTA.</summary>
    public required int Threads { get; init; }

    /// <summary>Dynamic shared memory of a CTA in bytes.</summary>
    public required int SharedMemoryBytes { get; init; }

    /// <summary>Registers per thread the kernel is compiled for at entry (threads × this ≤ 65,536).</summary>
    public required int EntryRegisters { get; init; }
}
