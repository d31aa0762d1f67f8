using System.Collections.Immutable;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>
/// The decode kernels of a declaration for one target: one for each row capacity that its query length and groups of 1 to 16 query heads can need. A launch
/// takes the smallest that holds its rows.
/// </summary>
internal static class DecodeSelection
{
    /// <summary>Query heads that share a key/value head, at most.</summary>
    public const int LargestGroup = 16;

    private const int DecisionKeys = 64;

    private sealed record Shape(int HeadDim, int Rows, int Teams, int Stages);

    /// <summary>Teams and stages by what fits: as many teams as hide one tile's products under the others' loads, then as many stages as are left. Both
    /// targets have the same shared memory and registers, and what these rings keep in flight is enough for both.</summary>
    private static readonly ImmutableArray<Shape> Shapes =
    [
        new(HeadDim: 64, Rows: 16, Teams: 8, Stages: 3),
        new(HeadDim: 64, Rows: 32, Teams: 4, Stages: 6),
        new(HeadDim: 64, Rows: 64, Teams: 2, Stages: 12),
        new(HeadDim: 64, Rows: 128, Teams: 1, Stages: 15),
        new(HeadDim: 128, Rows: 16, Teams: 4, Stages: 3),
        new(HeadDim: 128, Rows: 32, Teams: 3, Stages: 3),
        new(HeadDim: 128, Rows: 64, Teams: 2, Stages: 5),
        new(HeadDim: 128, Rows: 128, Teams: 1, Stages: 12),
        new(HeadDim: 256, Rows: 16, Teams: 2, Stages: 3),
        new(HeadDim: 256, Rows: 32, Teams: 2, Stages: 2),
        new(HeadDim: 256, Rows: 64, Teams: 1, Stages: 6),
        new(HeadDim: 256, Rows: 128, Teams: 1, Stages: 5),
    ];

    public static VariantSelection SelectSm90(AttentionRequest request) => Select(request, shape => new Sm90DecodeVariant
    {
        Request = request,
        Rows = shape.Rows,
        Teams = shape.Teams,
        Stages = shape.Stages,
    });

    public static VariantSelection SelectSm100(AttentionRequest request) => Select(request, shape => new Sm100DecodeVariant
    {
        Request = request,
        Rows = shape.Rows,
        Teams = shape.Teams,
        Stages = shape.Stages,
    });

    private static VariantSelection Select(AttentionRequest request, Func<Shape, DecodeVariant> makeVariant)
    {
        ImmutableArray<Shape> shapes = [.. Shapes.Where(shape => shape.HeadDim == request.HeadDim)];
        if (shapes.IsEmpty)
        {
            return new VariantSelection.UnsupportedHeadDim(string.Join(", ", Shapes.Select(shape => shape.HeadDim).Distinct()));
        }
        if (request.KeyBlock != DecisionKeys)
        {
            return new VariantSelection.OverBudget(new("keys of a decision", request.KeyBlock, DecisionKeys), $"use KeyBlock = {DecisionKeys}");
        }
        int mostRows = LargestGroup * request.MaxQueryLength;
        int capacity = shapes.First(shape => shape.Rows >= mostRows).Rows;
        ImmutableArray<KernelVariant> variants = [.. shapes.Where(shape => shape.Rows <= capacity).Select(makeVariant)];
        return variants.Select(variant => DecodeBudgets.FindOverrun((DecodeVariant)variant)).FirstOrDefault(overrun => overrun is not null) is BudgetOverrun overrun
            ? new VariantSelection.OverBudget(overrun, "remove the target")
            : new VariantSelection.Selected(new EquatableArray<KernelVariant>(variants));
    }
}
