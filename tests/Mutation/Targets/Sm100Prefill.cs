using static SkipSoftmax.AttentionMask;
using static SkipSoftmax.ThresholdMode;
using static SkipSoftmax.TileOrder;

namespace SkipSoftmax.Mutation;

/// <summary>Prefill on SM100: one and two deciding groups to a query tile; one decision across a product tile and two; every threshold mode and order.</summary>
internal static class Sm100Prefill
{
    public static MutationTarget Target { get; } = new()
    {
        Name = "sm100-prefill",
        Template = "templates/kernels/sm100_prefill.cu",
        Deciding = new HashSet<string> { "unit_is_negligible", "object_to_skipping", "kept_units", "Softmax::vote", "Softmax::record" },
        Kernels =
        [
            PrefillTrials.Kernel(GpuTargets.Sm100, 64, 64, 64, Fixed, Causal, ElementType.BFloat16, Descending),
            PrefillTrials.Kernel(GpuTargets.Sm100, 128, 128, 64, PerSequence, Causal, ElementType.Float16, SinkFirst),
            PrefillTrials.Kernel(GpuTargets.Sm100, 64, 64, 64, Off, Causal, ElementType.BFloat16, SinkFirst),
            PrefillTrials.Kernel(GpuTargets.Sm100, 128, 64, 128, ContextScaled, AttentionMask.None, ElementType.Float16, Descending),
            PrefillTrials.Kernel(GpuTargets.Sm100, 64, 128, 64, Fixed, Causal, ElementType.BFloat16, Ascending),
        ],
    };
}
