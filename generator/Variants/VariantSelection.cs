namespace SkipSoftmax.Generator.Variants;

/// <summary>What a request gets from a kernel family.</summary>
internal abstract record VariantSelection
{
    /// <summary>The preferred variant of those that fit.</summary>
    public sealed record Selected(KernelVariant Variant) : VariantSelection;

    /// <summary>The family has no tile shape for this head dimension.</summary>
    public sealed record UnsupportedHeadDim(string Supported) : VariantSelection;

    /// <summary>No candidate fits; the preferred one breaks this budget.</summary>
    public sealed record OverBudget(BudgetOverrun Overrun, string Remedy) : VariantSelection;
}

/// <summary>A limit of the hardware that a variant would break.</summary>
/// <param name="Budget">What is limited, as a noun phrase for a message.</param>
/// <param name="Needed">In the unit that <paramref name="Budget"/> names.</param>
/// <param name="Limit">The largest value that fits.</param>
internal sealed record BudgetOverrun(string Budget, int Needed, int Limit);
