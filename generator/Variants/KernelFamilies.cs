using System.Collections.Immutable;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>The kernels of one target and phase.</summary>
internal sealed record KernelFamily(GpuTargets Target, AttentionPhase Phase, Func<AttentionRequest, VariantSelection> Select);

/// <summary>The one table that says which targets and phases have kernels.</summary>
internal static class KernelFamilies
{
    public static readonly ImmutableArray<KernelFamily> All =
    [
        new(GpuTargets.Sm90, AttentionPhase.Prefill, Sm90PrefillSelection.Select),
        new(GpuTargets.Sm90, AttentionPhase.Decode, Sm90DecodeSelection.Select),
        new(GpuTargets.Sm100, AttentionPhase.Prefill, Sm100PrefillSelection.Select),
    ];

    /// <summary>The single targets in <paramref name="targets"/>, ascending.</summary>
    public static IEnumerable<GpuTargets> Split(GpuTargets targets) =>
        ((GpuTargets[])Enum.GetValues(typeof(GpuTargets))).Where(target => target != GpuTargets.None && (targets & target) == target);

    public static KernelFamily? Find(GpuTargets target, AttentionPhase phase) =>
        All.FirstOrDefault(family => family.Target == target && family.Phase == phase);

    /// <summary>The variants of a validated request, in the order of its targets.</summary>
    /// <exception cref="InvalidOperationException">A target has none: the parser lets no such request through.</exception>
    public static EquatableArray<KernelVariant> SelectAll(AttentionRequest request) =>
        new([.. Split(request.Targets).SelectMany(target => Find(target, request.Phase)?.Select(request) is VariantSelection.Selected selected
            ? selected.Variants
            : throw new InvalidOperationException($"No variant for {target}: {request}"))]);
}
