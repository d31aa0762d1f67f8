using System.Collections.Immutable;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>Picks the tile shape of an SM90 prefill kernel: candidates in order of preference, the first that fits every budget.</summary>
internal static class Sm90PrefillSelection
{
    /// <param name="InPlace">P·V follows its own softmax, so that what is skipped costs only QKᵀ and the vote: for variants that skip. Otherwise P·V lies a
    /// step behind, and its products go with the next QKᵀ, which is faster where nothing is skipped and the softmax is the longer part (head_dim 64),
    /// or where two warpgroups alone take turns.</param>
    /// <param name="SmallestKeyBlock">Decisions it is for.</param>
    /// <param name="LargestKeyBlock">Decisions it is for: at head_dim 64 three warpgroups whose P·V lies behind have no register to spare, and some dense
    /// variants with wider ones spilled.</param>
    /// <param name="DenseSinkFirst">Whether it is also for dense variants that visit the sink first: they mask what of a product tile is not due, for which three
    /// warpgroups at head_dim 64 have no registers.</param>
    private sealed record TileShape(
        int HeadDim, int ConsumerWarpgroups, int KeyTile, int KeyStages, int ValueStages, bool InPlace = false, int SmallestKeyBlock = 64, int LargestKeyBlock = 128,
        bool DenseSinkFirst = true);

    /// <summary>There is none for 96: a 128-byte swizzle panel holds 64 elements, and 96 is no multiple.</summary>
    private static readonly ImmutableArray<TileShape> Candidates =
    [
        new(HeadDim: 64, ConsumerWarpgroups: 3, KeyTile: 128, KeyStages: 2, ValueStages: 2, LargestKeyBlock: 64, DenseSinkFirst: false),
        new(HeadDim: 64, ConsumerWarpgroups: 3, KeyTile: 128, KeyStages: 2, ValueStages: 3, InPlace: true, SmallestKeyBlock: 128),
        new(HeadDim: 64, ConsumerWarpgroups: 2, KeyTile: 128, KeyStages: 2, ValueStages: 2),
        new(HeadDim: 128, ConsumerWarpgroups: 3, KeyTile: 128, KeyStages: 2, ValueStages: 3, InPlace: true),
        new(HeadDim: 128, ConsumerWarpgroups: 3, KeyTile: 64, KeyStages: 4, ValueStages: 4),
        new(HeadDim: 128, ConsumerWarpgroups: 2, KeyTile: 128, KeyStages: 2, ValueStages: 2),
        new(HeadDim: 128, ConsumerWarpgroups: 2, KeyTile: 64, KeyStages: 2, ValueStages: 2),
        new(HeadDim: 192, ConsumerWarpgroups: 2, KeyTile: 64, KeyStages: 2, ValueStages: 2),
        new(HeadDim: 192, ConsumerWarpgroups: 2, KeyTile: 128, KeyStages: 2, ValueStages: 1),
        new(HeadDim: 256, ConsumerWarpgroups: 2, KeyTile: 64, KeyStages: 2, ValueStages: 2),
    ];

    public static VariantSelection Select(AttentionRequest request)
    {
        ImmutableArray<TileShape> shapes = [.. Candidates.Where(shape => shape.HeadDim == request.HeadDim)];
        if (shapes.IsEmpty)
        {
            return new VariantSelection.UnsupportedHeadDim(string.Join(", ", Candidates.Select(shape => shape.HeadDim).Distinct()));
        }

        BudgetOverrun? preferred = null;
        foreach (TileShape shape in shapes.Where(shape => IsFor(shape, request)))
        {
            // A tile narrower than a decision is widened to it, so that what is reported is the budget that stands in the way.
            Sm90PrefillVariant variant = MakeVariant(shape with { KeyTile = Math.Max(shape.KeyTile, request.KeyBlock) }, request);
            if (Sm90PrefillBudgets.FindOverrun(variant) is not BudgetOverrun overrun)
            {
                return new VariantSelection.Selected(variant);
            }
            preferred ??= overrun;
        }
        return new VariantSelection.OverBudget(
            preferred ?? throw new InvalidOperationException($"No candidate for HeadDim {request.HeadDim} is for its blocks."),
            RemedyFor(request));
    }

    public static Sm90PrefillVariant MakeVariant(
        AttentionRequest request, int consumerWarpgroups, int keyTile, int keyStages, int valueStages, bool inPlace = false) => new()
        {
            Request = request,
            ConsumerWarpgroups = consumerWarpgroups,
            KeyTileRows = keyTile,
            KeyStages = keyStages,
            ValueStages = valueStages,
            WeightSteps = inPlace ? 0 : 1,
        };

    private static Sm90PrefillVariant MakeVariant(TileShape shape, AttentionRequest request) =>
        MakeVariant(request, shape.ConsumerWarpgroups, shape.KeyTile, shape.KeyStages, shape.ValueStages, shape.InPlace);

    private static bool IsFor(TileShape shape, AttentionRequest request) =>
        shape.ConsumerWarpgroups * HardwareLimits.WgmmaRows % request.QueryBlock == 0
        && request.KeyBlock >= shape.SmallestKeyBlock
        && request.KeyBlock <= shape.LargestKeyBlock
        && (!shape.InPlace || request.Threshold != ThresholdMode.Off)
        && (shape.DenseSinkFirst || request.Threshold != ThresholdMode.Off || request.Order != TileOrder.SinkFirst);

    /// <summary>The smallest change to the declaration that fits.</summary>
    private static string RemedyFor(AttentionRequest request)
    {
        const int smallest = HardwareLimits.WgmmaRows;
        return request.KeyBlock > smallest && Select(request with { KeyBlock = smallest }) is VariantSelection.Selected
            ? $"use KeyBlock = {smallest}"
            : "remove the target";
    }
}
