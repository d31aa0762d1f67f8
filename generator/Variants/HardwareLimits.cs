namespace SkipSoftmax.Generator.Variants;

/// <summary>What one thread block may use on compute capabilities 9.0 and 10.x. Source: CUDA C++ Programming Guide, table "Technical
/// Specifications per Compute Capability", and the PTX ISA where named.</summary>
internal static class HardwareLimits
{
    public const int ThreadsPerWarpgroup = 128;

    public const int WarpsPerWarpgroup = 4;

    public const int ThreadsPerBlock = 1024;

    /// <summary>32-bit registers of one multiprocessor, and of the one block that is resident on it.</summary>
    public const int RegistersPerBlock = 65_536;

    /// <summary>227 KiB, opt-in.</summary>
    public const int SharedMemoryBytesPerBlock = 232_448;

    /// <summary><c>barrier.cta</c> takes the names 0 … 15.</summary>
    public const int NamedBarriersPerBlock = 16;

    /// <summary>An <c>mbarrier</c> object is 64 bits (PTX ISA, "mbarrier").</summary>
    public const int MbarrierBytes = 8;

    /// <summary><c>setmaxnreg</c> takes multiples of 8 (PTX ISA, "setmaxnreg").</summary>
    public const int RegisterReallocationStep = 8;

    /// <summary>Least count <c>setmaxnreg</c> takes.</summary>
    public const int MinimumReallocatedRegisters = 24;

    /// <summary>Most registers a warpgroup asks for: <c>setmaxnreg</c> takes more, but a thread cannot address much more (255).</summary>
    public const int MaximumReallocatedRegisters = 240;

    public const int ThreadsPerWarp = 32;

    /// <summary>A thread addresses no more (PTX ISA, "setmaxnreg"; CUDA C++ Programming Guide, same table).</summary>
    public const int RegistersPerThread = 255;

    /// <summary>Rows of one <c>mma.sync</c> instruction of 16-bit elements.</summary>
    public const int MmaRows = 16;

    /// <summary>Rows of one <c>wgmma</c> instruction.</summary>
    public const int WgmmaRows = 64;

    /// <summary>Rows of one <c>tcgen05.mma</c> instruction, and lanes of tensor memory (PTX ISA, "Tensor Memory").</summary>
    public const int Tcgen05Rows = 128;

    /// <summary>Columns of tensor memory, of 32 bits in each lane (PTX ISA, "Tensor Memory").</summary>
    public const int TensorMemoryColumns = 512;
}
