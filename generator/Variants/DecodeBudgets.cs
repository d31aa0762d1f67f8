using static SkipSoftmax.Generator.Variants.HardwareLimits;

namespace SkipSoftmax.Generator.Variants;

/// <summary>What a decode variant uses of a multiprocessor, as arithmetic.</summary>
internal static class DecodeBudgets
{
    /// <summary>Registers of a thread beside its fragments: row maxima, limits, addresses, loop state. Measured with NVRTC on the template.</summary>
    public const int OverheadRegisters = 48;

    /// <summary>A field of the template's shared memory can't be empty.</summary>
    private const int LeastFieldBytes = 16;

    private const int ElementBytes = 2;

    /// <summary>Registers the compiler may use.</summary>
    public static int RegisterLimit(DecodeVariant variant) => Math.Min(RegistersPerThread, RegistersPerBlock / variant.Threads);

    /// <summary>Fragments of 16 rows over 32 lanes: O (float32), S (16 × KEY_BLOCK float32), P of two tiles (16-bit), and Q (16-bit) unless it is in
    /// shared memory.</summary>
    public static int Registers(DecodeVariant variant)
    {
        int keys = variant.Request.KeyBlock, headDim = variant.Request.HeadDim;
        return (headDim / 2) + (keys / 2) + (2 * keys / 4) + (variant.QueryInShared ? 0 : headDim / 4) + OverheadRegisters;
    }

    public static int TileBytes(DecodeVariant variant) => variant.Request.KeyBlock * variant.Request.HeadDim * ElementBytes;

    /// <summary>Least bytes under way while the CTA waits or works, in steady state: all stages of every team but the one in use.</summary>
    public static int LeastBytesInFlight(DecodeVariant variant) => variant.Teams * (variant.Stages - 1) * TileBytes(variant);

    /// <summary><c>SharedMemory</c> of the template: the rings; what teams hand to team 0 (O, maxima and sums of each lane); Q's fragments; the row
    /// maxima of two seeds, twice; an mbarrier for each stage and two for the seeds; each warp's place in the segments, for its requests and for
    /// its work, with its counts; the CTAs' shares; and the heads left to combine. Its alignment rounds it up.</summary>
    public static int SharedMemoryBytes(DecodeVariant variant)
    {
        const int alignment = 1024, walkBytes = 36, requestsBytes = 44, sharesBytes = 28, openBytes = (2 * 20) + 32 + (3 * 4);
        int headDim = variant.Request.HeadDim;
        int exchangeBytes = (variant.Teams - 1) * variant.TeamWarps * ((headDim / 2) + 4) * ThreadsPerWarp * sizeof(float);
        int queryBytes = variant.QueryInShared ? variant.Warps * MmaRows * headDim * ElementBytes : 0;
        int bytes = (variant.Teams * variant.Stages * (TileBytes(variant) + MbarrierBytes)) + (2 * MbarrierBytes)
            + exchangeBytes + LeastFieldBytes + queryBytes + LeastFieldBytes
            + (2 * 2 * variant.Rows * sizeof(float))
            + (variant.Warps * (walkBytes + requestsBytes)) + sharesBytes + openBytes;
        return (bytes + alignment - 1) / alignment * alignment;
    }

    /// <summary>The block's own barrier, the two of the exchange, and one for each team.</summary>
    public static int NamedBarriers(DecodeVariant variant) => 3 + variant.Teams;

    /// <summary>The first budget the variant breaks, the hardest to mend first; null if it fits.</summary>
    public static BudgetOverrun? FindOverrun(DecodeVariant variant)
    {
        BudgetOverrun[] budgets =
        [
            new("registers of a thread", Registers(variant), RegisterLimit(variant)),
            new("threads", variant.Threads, ThreadsPerBlock),
            new("bytes of shared memory", SharedMemoryBytes(variant), SharedMemoryBytesPerBlock),
            new("named barriers", NamedBarriers(variant), NamedBarriersPerBlock),
            new("bytes that must be in flight", variant.BytesInFlight, LeastBytesInFlight(variant)),
        ];
        return budgets.FirstOrDefault(budget => budget.Needed > budget.Limit);
    }
}
