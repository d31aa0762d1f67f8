using System.Collections.Immutable;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>The SM100 prefill kernel of a declaration: one tile shape, with as many stages of K and V as fit.</summary>
internal static class Sm100PrefillSelection
{
    private sealed record Stages(int HeadDim, int Key, int Value);

    /// <summary>There is none for 96: a 128-byte swizzle panel holds 64 elements, and 96 is no multiple. 192 and 256 are here for the answer to say what
    /// stands in their way: the numerators of two query tiles leave no columns for their logits, and one query tile alone would leave the tensor core
    /// idle for each softmax.</summary>
    private static readonly ImmutableArray<Stages> Candidates =
    [
        new(HeadDim: 64, Key: 4, Value: 4),
        new(HeadDim: 128, Key: 3, Value: 2),
        new(HeadDim: 192, Key: 1, Value: 1),
        new(HeadDim: 256, Key: 1, Value: 1),
    ];

    public static VariantSelection Select(AttentionRequest request)
    {
        if (Candidates.FirstOrDefault(candidate => candidate.HeadDim == request.HeadDim) is not Stages stages)
        {
            return new VariantSelection.UnsupportedHeadDim(Supported(request, ", "));
        }
        Sm100PrefillVariant variant = MakeVariant(request, stages.Key, stages.Value);
        return Sm100PrefillBudgets.FindOverrun(variant) is BudgetOverrun overrun
            ? new VariantSelection.OverBudget(overrun, $"use HeadDim {Supported(request, " or ")}, or remove the target", nameof(request.HeadDim))
            : new VariantSelection.Selected(variant);
    }

    public static Sm100PrefillVariant MakeVariant(AttentionRequest request, int keyStages, int valueStages) => new()
    {
        Request = request,
        KeyStages = keyStages,
        ValueStages = valueStages,
    };

    /// <summary>The head dimensions that fit every budget.</summary>
    private static string Supported(AttentionRequest request, string separator) => string.Join(separator, Candidates
        .Where(candidate => Sm100PrefillBudgets.FindOverrun(MakeVariant(request with { HeadDim = candidate.HeadDim }, candidate.Key, candidate.Value)) is null)
        .Select(candidate => candidate.HeadDim));
}
