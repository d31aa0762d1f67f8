using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>
/// Prefill on compute capability 9.0: one producer warpgroup loads with TMA into rings of K and V tiles, and each consumer warpgroup
/// multiplies and takes the softmax of 64 query rows.
/// </summary>
internal sealed record Sm90PrefillVariant : KernelVariant
{
    public required int ConsumerWarpgroups { get; init; }

    public required int KeyTileRows { get; init; }

    public required int KeyStages { get; init; }

    public required int ValueStages { get; init; }

    /// <summary>How many steps after its weights a product tile's P·V is made: 1, or 0, at once, with the weights in place of the logits.</summary>
    public required int WeightSteps { get; init; }

    public override GpuTargets Target => GpuTargets.Sm90;

    public override string EntryPoint => "skip_softmax_prefill";

    public override string Template => "templates/kernels/sm90_prefill.cu";

    public override string ConstantsTemplate => "templates/constants/sm90_prefill.cuh";

    public override int QueryTile => HardwareLimits.WgmmaRows * ConsumerWarpgroups;

    public override int QueryBox => HardwareLimits.WgmmaRows;

    public override int KeyTile => KeyTileRows;

    public override int ValueBox => Request.KeyBlock;

    public override int Threads => HardwareLimits.ThreadsPerWarpgroup * (ConsumerWarpgroups + 1);

    public override int SharedMemoryBytes => Sm90PrefillBudgets.SharedMemoryBytes(this);

    public override int EntryRegisters => Sm90PrefillBudgets.Registers(ConsumerWarpgroups).Entry;

    public override string Name => string.Concat(
        $"sm90_prefill_{VariantNames.Of(Request.Element)}_d{Request.HeadDim}_q{Request.QueryBlock}x{Request.KeyBlock}_{VariantNames.Of(Request.Mask)}_{VariantNames.Of(Request.Threshold)}_{VariantNames.Of(Request.Order)}",
        $"_w{ConsumerWarpgroups}_k{KeyTile}",
        WeightSteps == 0 ? "_in_place" : "",
        Request.CountTiles ? "_count" : "",
        Request.RecordDecisions ? "_decisions" : "",
        Request.ReturnLse ? "_lse" : "");

    public override EquatableArray<KernelConstant> Constants
    {
        get
        {
            RoleRegisters registers = Sm90PrefillBudgets.Registers(ConsumerWarpgroups);
            return new(
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
                KernelConstant.Of("WEIGHT_STEPS", WeightSteps),
                KernelConstant.Of("CONSUMER_REGISTERS", registers.Consumer),
                KernelConstant.Of("PRODUCER_REGISTERS", registers.Producer),
                KernelConstant.Of("COUNT_TILES", Request.CountTiles),
                KernelConstant.Of("RECORD_DECISIONS", Request.RecordDecisions),
                KernelConstant.Of("RETURN_LSE", Request.ReturnLse),
            ]);
        }
    }
}
