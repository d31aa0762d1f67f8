using static SkipSoftmax.AttentionMask;
using static SkipSoftmax.ThresholdMode;
using static SkipSoftmax.TileOrder;

namespace SkipSoftmax.Mutation;

/// <summary>
/// Prefill on SM90: three consumer warpgroups and two, one or both of which decide; one decision across a product tile and two; every threshold
/// mode and order; V in one stage, two, three and four; P·V a step behind and in place; the dense kernel with its first step apart and not.
/// </summary>
internal static class Sm90Prefill
{
    public static MutationTarget Target { get; } = new()
    {
        Name = "sm90-prefill",
        Template = "templates/kernels/sm90_prefill.cu",
        Deciding = new HashSet<string> { "unit_is_negligible", "object_to_skipping", "kept_units", "Consumer::vote", "Consumer::decide_together", "Consumer::record" },
        Kernels =
        [
            PrefillTrials.Kernel(GpuTargets.Sm90, 64, 64, 64, Fixed, Causal, ElementType.BFloat16, Descending),
            PrefillTrials.Kernel(GpuTargets.Sm90, 128, 128, 64, PerSequence, Causal, ElementType.Float16, SinkFirst),
            PrefillTrials.Kernel(GpuTargets.Sm90, 64, 64, 64, Off, Causal, ElementType.BFloat16, SinkFirst),
            PrefillTrials.Kernel(GpuTargets.Sm90, 128, 64, 64, Fixed, Causal, ElementType.BFloat16, Descending),
            PrefillTrials.Kernel(GpuTargets.Sm90, 128, 64, 128, Fixed, AttentionMask.None, ElementType.Float16, Ascending),
            PrefillTrials.Kernel(GpuTargets.Sm90, 128, 64, 64, Off, Causal, ElementType.BFloat16, Descending),
            PrefillTrials.Kernel(GpuTargets.Sm90, 192, 128, 128, ContextScaled, AttentionMask.None, ElementType.Float16, Descending),
            PrefillTrials.Kernel(GpuTargets.Sm90, 256, 128, 64, Fixed, Causal, ElementType.BFloat16, Ascending),
        ],
    };
}
