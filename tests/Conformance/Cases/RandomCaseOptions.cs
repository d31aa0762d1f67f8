using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>What of a random case is chosen instead of drawn; null: drawn from the seed.</summary>
public sealed record RandomCaseOptions
{
    /// <summary>One specification for every seed.</summary>
    public AttentionSpecification? Specification { get; init; }

    /// <summary>The longest sequence's query rows and keys.</summary>
    public (int Query, int Key)? Lengths { get; init; }

    /// <summary>Probability that a block of keys is cold: scaled down, so that its logits lie near 0 where others reach 8.</summary>
    public float? ColdShare { get; init; }

    /// <summary>Of prefill: whether the first and the last block of keys are hot whatever the others are.</summary>
    public bool? HotEnds { get; init; }

    /// <summary>Of prefill: how much the logit of a key at the query's own position gains over that of a distant one, as in a layer that attends nearby.</summary>
    public float? Locality { get; init; }

    /// <summary>Of prefill, without locality: whether keys lie opposite to queries, so that hot ones have a logit of −8 and cold ones are the largest.</summary>
    public bool Opposed { get; init; }

    /// <summary>The scale of the logits, times √head_dim.</summary>
    public float? Scale { get; init; }

    /// <summary>λ of the first sequence.</summary>
    public float? Lambda { get; init; }

    /// <summary>Whether a NaN or infinity is put somewhere into some of the cases.</summary>
    public bool NonFinite { get; init; } = true;
}
