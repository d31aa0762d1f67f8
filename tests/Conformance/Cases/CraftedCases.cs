using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>Small problems whose logits are written down: scale 1, one sequence, one head, head_dim 64, exact in every element type.</summary>
public static class CraftedCases
{
    public const int HeadDim = 64;

    /// <summary>Makes a case where row i's logit on key j is <paramref name="logit"/>(i, j). Row i is the unit vector of its group, and a
    /// key holds one logit for each group, so rows i and i' of one group (⌈rows / 64⌉ neighbours) must have the same logits.</summary>
    public static AttentionCase FromLogits(BackendCapabilities capabilities, int rows, int keys, Func<int, int, float> logit, AttentionSpecification specification, float lambda)
    {
        HostTensor query = new(capabilities.Finest, new(1, rows, 1, HeadDim));
        HostTensor key = new(capabilities.Finest, new(1, keys, 1, HeadDim));
        HostTensor value = new(capabilities.Finest, new(1, keys, 1, HeadDim));
        int groupSize = AttentionCase.BlocksOf(rows, HeadDim);
        Random random = new(keys);
        for (int dim = 0; dim < HeadDim; dim++)
        {
            for (int row = 0; row < rows; row++)
            {
                query[0, row, 0, dim] = row / groupSize == dim ? 1 : 0;
            }
            for (int j = 0; j < keys; j++)
            {
                key[0, j, 0, dim] = dim * groupSize < rows ? logit(dim * groupSize, j) : 0;
                value[0, j, 0, dim] = RandomCases.Normal(random);
            }
        }
        return new AttentionCase
        {
            Name = "crafted",
            Specification = specification with { Element = capabilities.Finest },
            Query = query,
            Key = key,
            Value = value,
            ThresholdValue = lambda,
        };
    }

    /// <summary>Fixed threshold, 64×64 decisions, descending, no mask, everything recorded.</summary>
    public static AttentionSpecification Specification { get; } = new()
    {
        Name = "CraftedCase",
        Phase = AttentionPhase.Prefill,
        HeadDim = HeadDim,
        QueryBlock = 64,
        KeyBlock = 64,
        Threshold = ThresholdMode.Fixed,
        Mask = AttentionMask.None,
        Element = ElementType.Float32,
        Targets = GpuTargets.None,
        Order = TileOrder.Descending,
        CountTiles = true,
        RecordDecisions = true,
        ReturnLse = true,
    };

    /// <summary>The same for decode: up to 8 query tokens, contiguous.</summary>
    public static AttentionSpecification DecodeSpecification { get; } = Specification with
    {
        Name = "CraftedDecodeCase",
        Phase = AttentionPhase.Decode,
        MaxQueryLength = 8,
    };
}
