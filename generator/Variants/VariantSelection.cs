using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>What a request gets from a kernel family.</summary>
internal abstract record VariantSelection
{
    /// <summary>The kernels to emit: one, or several for a launch to choose from, the smallest <see cref="KernelVariant.QueryTile"/> first.</summary>
    public sealed record Selected(EquatableArray<KernelVariant> Variants) : VariantSelection
    {
        public Selected(KernelVariant variant) : this(new EquatableArray<KernelVariant>([variant]))
        {
        }

        /// <summary>The first of them.</summary>
        public KernelVariant Variant => Variants[0];
    }

    /// <summary>The family has no tile shape for this head dimension.</summary>
    public sealed record UnsupportedHeadDim(string Supported) : VariantSelection;

    /// <summary>No candidate fits; the preferred one breaks this budget.</summary>
    /// <param name="Overrun">The budget.</param>
    /// <param name="Remedy">What to write instead, as an imperative.</param>
    /// <param name="Argument">The attribute's argument to change.</param>
    public sealed record OverBudget(BudgetOverrun Overrun, string Remedy, string Argument = nameof(AttentionRequest.KeyBlock)) : VariantSelection;
}

/// <summary>A limit of the hardware that a variant would break.</summary>
/// <param name="Budget">What is limited, as a noun phrase for a message.</param>
/// <param name="Needed">In the unit that <paramref name="Budget"/> names.</param>
/// <param name="Limit">The largest value that fits.</param>
internal sealed record BudgetOverrun(string Budget, int Needed, int Limit);
