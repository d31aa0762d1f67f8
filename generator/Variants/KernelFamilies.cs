using System.Collections.Immutable;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>The kernels of one target and phase.</summary>
internal sealed record KernelFamily(GpuTargets Target, AttentionPhase Phase, Func<AttentionRequest, VariantSelection> Select);

/// <summary>The one table of kernels: one family for each target and phase.</summary>
internal static class KernelFamilies
{
    public static readonly ImmutableArray<KernelFamily> All =
    [
        new(GpuTargets.Sm90, AttentionPhase.Prefill, Sm90PrefillSelection.Select),
        new(GpuTargets.Sm90, AttentionPhase.Decode, DecodeSelection.SelectSm90),
        new(GpuTargets.Sm100, AttentionPhase.Prefill, Sm100PrefillSelection.Select),
        new(GpuTargets.Sm100, AttentionPhase.Decode, DecodeSelection.SelectSm100),
    ];

    /// <summary>The single targets in <paramref name="targets"/>, ascending.</summary>
    public static IEnumerable<GpuTargets> Split(GpuTargets targets) =>
        ((GpuTargets[])Enum.GetValues(typeof(GpuTargets))).Where(target => target != GpuTargets.None && (targets & target) == target);

    public static KernelFamily Find(GpuTargets target, AttentionPhase phase) =>
        All.Single(family => family.Target == target && family.Phase == phase);

    /// <summary>The variants of a validated request, in the order of its targets.</summary>
    /// <exception cref="InvalidOperationException">A target has none: the parser lets no such request through.</exception>
    public static EquatableArray<KernelVariant> SelectAll(AttentionRequest request) =>
        new([.. Split(request.Targets).SelectMany(target => Find(target, request.Phase).Select(request) is VariantSelection.Selected selected
            ? selected.Variants
            : throw new InvalidOperationException($"No variant for {target}: {request}"))]);
}
