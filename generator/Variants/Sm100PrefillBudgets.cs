using static SkipSoftmax.Generator.Variants.HardwareLimits;

namespace SkipSoftmax.Generator.Variants;

/// <summary>What an SM100 prefill variant uses of a multiprocessor, as arithmetic.</summary>
internal static class Sm100PrefillBudgets
{
    /// <summary>Room in shared memory for mbarriers, votes, factors and the next work tiles.</summary>
    public const int StateBytes = 2048;

    /// <summary>Per thread, after <c>setmaxnreg</c>: two softmax warpgroups, one that corrects, one that loads and multiplies.</summary>
    public const int SoftmaxRegisters = 184, CorrectionRegisters = 96, ProducerRegisters = 48;

    /// <summary>Registers of a softmax thread beside its logits: packed weights on their way out, row maxima and sums, addresses, loop state. Measured with
    /// NVRTC on the template.</summary>
    public const int OverheadRegisters = 56;

    /// <summary>float16 and bfloat16: the only element types with GPU kernels.</summary>
    private const int ElementBytes = 2;

    /// <summary>Q once, the rings of K and V, and the state. The base is aligned by its declaration in the template.</summary>
    public static int SharedMemoryBytes(Sm100PrefillVariant variant)
    {
        int rowBytes = variant.Request.HeadDim * ElementBytes;
        return (variant.QueryTile * rowBytes)
            + ((variant.KeyStages + variant.ValueStages) * variant.KeyTile * rowBytes)
            + StateBytes;
    }

    /// <summary>Of each query tile S (a column a key; P takes half of them, two weights a column, once S has been read) and O (a column a dimension).</summary>
    public static int TensorColumns(Sm100PrefillVariant variant) =>
        Sm100PrefillVariant.QueryTiles * (variant.KeyTile + variant.Request.HeadDim);

    /// <summary>Columns are allocated by powers of two.</summary>
    public static int AllocatedTensorColumns(Sm100PrefillVariant variant)
    {
        int columns = 1;
        while (columns < TensorColumns(variant))
        {
            columns *= 2;
        }
        return columns;
    }

    /// <summary>A row of logits.</summary>
    public static int RegistersOfASoftmaxThread(Sm100PrefillVariant variant) => variant.KeyTile + OverheadRegisters;

    /// <summary>Compiled in for all threads: the pool that <c>setmaxnreg</c> moves registers within.</summary>
    public static int RegistersAtEntry(Sm100PrefillVariant variant) => variant.EntryRegisters * variant.Threads;

    public static int ReallocatedRegisters =>
        ((Sm100PrefillVariant.QueryTiles * SoftmaxRegisters) + CorrectionRegisters + ProducerRegisters) * ThreadsPerWarpgroup;

    /// <summary>
    /// <c>SharedMemory</c> of the template after its tiles. Mbarriers: full and empty for Q, each stage of K and two work tiles in flight;
    /// full for each decision's part of each stage of V (the dense kernel waits for whole tiles), empty, and one for V that has landed; the
    /// votes of the rows that decide together; and four of each query tile, for logits, factors, weights and output. Then a word for each
    /// softmax warp in each vote, a factor for each row, the two work tiles and the address of tensor memory.
    /// </summary>
    public static int StateBytesUsed(Sm100PrefillVariant variant)
    {
        const int workTileWords = 7;
        int voteStages = VoteRing.Stages(variant.ValueStages);
        int units = variant.Request.Threshold == ThresholdMode.Off ? 1 : variant.KeyTile / variant.Request.KeyBlock;
        int mbarriers = (2 * (1 + variant.KeyStages + 2)) + (variant.ValueStages * (units + 1)) + 1
            + (voteStages * variant.QueryTile / variant.Request.QueryBlock) + (4 * Sm100PrefillVariant.QueryTiles);
        int words = (voteStages * Sm100PrefillVariant.QueryTiles * WarpsPerWarpgroup) + variant.QueryTile + (2 * workTileWords) + 1;
        return (mbarriers * MbarrierBytes) + (words * sizeof(uint));
    }

    /// <summary>The first budget the variant breaks, the hardest to mend first; null if it fits.</summary>
    public static BudgetOverrun? FindOverrun(Sm100PrefillVariant variant)
    {
        BudgetOverrun[] budgets =
        [
            new("columns of tensor memory for two query tiles", TensorColumns(variant), TensorMemoryColumns),
            new("registers of a softmax thread", RegistersOfASoftmaxThread(variant), SoftmaxRegisters),
            new("registers of all threads after reallocation", ReallocatedRegisters, RegistersAtEntry(variant)),
            new("threads", variant.Threads, ThreadsPerBlock),
            new("bytes of shared memory", SharedMemoryBytes(variant), SharedMemoryBytesPerBlock),
            new("bytes of barriers, votes and factors", StateBytesUsed(variant), StateBytes),
        ];
        return budgets.FirstOrDefault(budget => budget.Needed > budget.Limit);
    }
}
