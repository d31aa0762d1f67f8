using static SkipSoftmax.Generator.Variants.HardwareLimits;

namespace SkipSoftmax.Generator.Variants;

/// <summary>Registers per thread: what all threads start with, and what each role reallocates to with <c>setmaxnreg</c>.</summary>
internal sealed record RoleRegisters(int Entry, int Consumer, int Producer);

/// <summary>What an SM90 prefill variant uses of a multiprocessor, as arithmetic.</summary>
internal static class Sm90PrefillBudgets
{
    /// <summary>Room in shared memory for mbarriers, votes and the next work tiles.</summary>
    public const int StateBytes = 1024;

    /// <summary>Registers of a consumer thread beside its fragments of S, P and O: row maxima and sums, addresses, loop state. Measured with NVRTC
    /// on the template, dense and skipping alike.</summary>
    public const int OverheadRegisters = 32;

    /// <summary>float16 and bfloat16: the only element types with GPU kernels.</summary>
    private const int ElementBytes = 2;

    public static RoleRegisters Registers(int consumerWarpgroups) => consumerWarpgroups switch
    {
        2 => new(Entry: 168, Consumer: 232, Producer: 40),
        3 => new(Entry: 128, Consumer: 160, Producer: 32),
        _ => throw new ArgumentOutOfRangeException(nameof(consumerWarpgroups), consumerWarpgroups, "SM90 prefill has two or three consumer warpgroups."),
    };

    /// <summary>Q once, the rings of K and V, and the state. The base is aligned by its declaration in the template.</summary>
    public static int SharedMemoryBytes(Sm90PrefillVariant variant)
    {
        int rowBytes = variant.Request.HeadDim * ElementBytes;
        return (variant.QueryTile * rowBytes)
            + (variant.KeyStages * variant.KeyTile * rowBytes)
            + (variant.ValueStages * variant.KeyTile * rowBytes)
            + StateBytes;
    }

    /// <summary>Fragments of a 64-row warpgroup: S (64 × KEY_TILE float32), P (the same, 16-bit, unless it lies in place of S) and O
    /// (64 × HEAD_DIM float32) over 128 threads.</summary>
    public static int ConsumerRegisters(Sm90PrefillVariant variant) =>
        (variant.KeyTile / 2) + (variant.WeightSteps * variant.KeyTile / 4) + (variant.Request.HeadDim / 2)
        + OverheadRegisters;

    /// <summary>Compiled in for all threads: the pool that <c>setmaxnreg</c> moves registers within.</summary>
    public static int RegistersAtEntry(Sm90PrefillVariant variant) => Registers(variant.ConsumerWarpgroups).Entry * variant.Threads;

    public static int ReallocatedRegisters(Sm90PrefillVariant variant)
    {
        RoleRegisters registers = Registers(variant.ConsumerWarpgroups);
        return ((variant.ConsumerWarpgroups * registers.Consumer) + registers.Producer) * ThreadsPerWarpgroup;
    }

    /// <summary>The block's own barrier, the turn of each consumer warpgroup, and its vote if its steps are in place.</summary>
    public static int NamedBarriers(Sm90PrefillVariant variant) => 1 + ((IsInPlace(variant) ? 2 : 1) * variant.ConsumerWarpgroups);

    /// <summary>
    /// <c>SharedMemory</c> of the template after its tiles. Mbarriers: full and empty for Q, each stage of K and two work tiles in flight;
    /// full for each decision's part of each stage of V (the dense kernel waits for whole tiles), empty, and one for V that has landed; and
    /// the votes of the consumers that decide together. Then a word for each consumer warp in each vote, or for each group if steps are in
    /// place, and the two work tiles.
    /// </summary>
    public static int StateBytesUsed(Sm90PrefillVariant variant)
    {
        const int workTileWords = 7;
        int voteStages = VoteRing.Stages(variant.ValueStages);
        int decidingGroups = variant.ConsumerWarpgroups * WgmmaRows / variant.Request.QueryBlock;
        int units = IsDense(variant) ? 1 : variant.KeyTile / variant.Request.KeyBlock;
        int mbarriers = (2 * (1 + variant.KeyStages + 2)) + (variant.ValueStages * (units + 1)) + 1 + (voteStages * decidingGroups);
        int words = (voteStages * (IsInPlace(variant) ? decidingGroups : variant.ConsumerWarpgroups * WarpsPerWarpgroup)) + (2 * workTileWords);
        return (mbarriers * MbarrierBytes) + (words * sizeof(uint));
    }

    /// <summary>The first budget the variant breaks, the hardest to mend first; null if it fits.</summary>
    public static BudgetOverrun? FindOverrun(Sm90PrefillVariant variant)
    {
        BudgetOverrun[] budgets =
        [
            new("registers of a consumer thread", ConsumerRegisters(variant), Registers(variant.ConsumerWarpgroups).Consumer),
            new("registers of all threads after reallocation", ReallocatedRegisters(variant), RegistersAtEntry(variant)),
            new("registers of all threads at entry", RegistersAtEntry(variant), RegistersPerBlock),
            new("threads", variant.Threads, ThreadsPerBlock),
            new("bytes of shared memory", SharedMemoryBytes(variant), SharedMemoryBytesPerBlock),
            new("named barriers", NamedBarriers(variant), NamedBarriersPerBlock),
            new("bytes of barriers and votes", StateBytesUsed(variant), StateBytes),
        ];
        return budgets.FirstOrDefault(budget => budget.Needed > budget.Limit);
    }

    private static bool IsInPlace(Sm90PrefillVariant variant) => variant.WeightSteps == 0;

    private static bool IsDense(Sm90PrefillVariant variant) => variant.Request.Threshold == ThresholdMode.Off;
}
