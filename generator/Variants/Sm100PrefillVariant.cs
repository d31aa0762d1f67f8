using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>
/// Prefill on compute capabilities 10.0 and 10.3: two query tiles of 128 rows in flight, logits, weights and numerators in tensor memory; a
/// softmax warpgroup for each query tile, a correction warpgroup, and warps that load and multiply.
/// </summary>
internal sealed record Sm100PrefillVariant : KernelVariant
{
    public required int KeyStages { get; init; }

    public required int ValueStages { get; init; }

    /// <summary>Query rows of a product, and of the warpgroup that takes their softmax.</summary>
    public const int ProductRows = HardwareLimits.Tcgen05Rows;

    /// <summary>In flight, so that one's softmax runs under the other's products.</summary>
    public const int QueryTiles = 2;

    public override GpuTargets Target => GpuTargets.Sm100;

    public override string EntryPoint => "skip_softmax_prefill";

    public override string Template => "templates/kernels/sm100_prefill.cu";

    public override string ConstantsTemplate => "templates/constants/sm100_prefill.cuh";

    public override int QueryTile => QueryTiles * ProductRows;

    public override int QueryBox => ProductRows;

    public override int KeyTile => 128;

    public override int ValueBox => Request.KeyBlock;

    public override int Threads => HardwareLimits.ThreadsPerWarpgroup * (QueryTiles + 2);

    public override int SharedMemoryBytes => Sm100PrefillBudgets.SharedMemoryBytes(this);

    public override int EntryRegisters => HardwareLimits.RegistersPerBlock / Threads;

    public override string Name => string.Concat(
        $"sm100_prefill_{VariantNames.Of(Request.Element)}_d{Request.HeadDim}_q{Request.QueryBlock}x{Request.KeyBlock}_{VariantNames.Of(Request.Mask)}_{VariantNames.Of(Request.Threshold)}_{VariantNames.Of(Request.Order)}",
        $"_k{KeyTile}",
        Request.CountTiles ? "_count" : "",
        Request.RecordDecisions ? "_decisions" : "",
        Request.ReturnLse ? "_lse" : "");

    public override EquatableArray<KernelConstant> Constants => new(
    [
        KernelConstant.Of("HEAD_DIM", Request.HeadDim),
        KernelConstant.Of("ELEMENT", Request.Element),
        KernelConstant.Of("MASK", Request.Mask),
        KernelConstant.Of("THRESHOLD", Request.Threshold),
        KernelConstant.Of("ORDER", Request.Order),
        KernelConstant.Of("QUERY_BLOCK", Request.QueryBlock),
        KernelConstant.Of("KEY_BLOCK", Request.KeyBlock),
        KernelConstant.Of("QUERY_TILE", QueryTile),
        KernelConstant.Of("QUERY_BOX", QueryBox),
        KernelConstant.Of("KEY_TILE", KeyTile),
        KernelConstant.Of("KEY_STAGES", KeyStages),
        KernelConstant.Of("VALUE_STAGES", ValueStages),
        KernelConstant.Of("TENSOR_COLUMNS", Sm100PrefillBudgets.AllocatedTensorColumns(this)),
        KernelConstant.Of("SOFTMAX_REGISTERS", Sm100PrefillBudgets.SoftmaxRegisters),
        KernelConstant.Of("CORRECTION_REGISTERS", Sm100PrefillBudgets.CorrectionRegisters),
        KernelConstant.Of("PRODUCER_REGISTERS", Sm100PrefillBudgets.ProducerRegisters),
        KernelConstant.Of("COUNT_TILES", Request.CountTiles),
        KernelConstant.Of("RECORD_DECISIONS", Request.RecordDecisions),
        KernelConstant.Of("RETURN_LSE", Request.ReturnLse),
    ]);
}
