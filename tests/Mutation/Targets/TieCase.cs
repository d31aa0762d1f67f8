using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Mutation;

/// <summary>
/// A problem at λ = 1 whose tiles are negligible by far for every row but one, whose largest logit is exactly the maximum so far, and so at the
/// threshold, not below it. Whoever takes "at most" for "below" skips these tiles. Logits are small whole numbers.
/// </summary>
internal static class TieCase
{
    private const float Hot = 8;
    private const float Cold = -24;

    /// <param name="specification">Of d 64, λ of any sort.</param>
    /// <param name="rows">Of one decision.</param>
    /// <param name="tying">The row that ties.</param>
    /// <param name="tiles">Key blocks.</param>
    public static AttentionCase Create(AttentionSpecification specification, int rows, int tying, int tiles)
    {
        bool decode = specification.Phase == AttentionPhase.Decode;
        int keys = tiles * specification.KeyBlock;
        HostTensor query = new(specification.Element, decode ? new(1, 1, rows, specification.HeadDim) : new(1, rows, 1, specification.HeadDim));
        HostTensor key = new(specification.Element, new(1, keys, 1, specification.HeadDim));
        HostTensor value = new(specification.Element, key.Shape);
        Random random = new(tying);
        for (int dim = 0; dim < specification.HeadDim; dim++)
        {
            for (int row = 0; row < rows; row++)
            {
                query[0, decode ? 0 : row, decode ? row : 0, dim] = row % specification.HeadDim == dim ? 1 : 0;
            }
            for (int j = 0; j < keys; j++)
            {
                int tile = j / specification.KeyBlock;
                bool end = tile == 0 || tile == tiles - 1;
                bool tie = dim == tying && tile % 2 == 1 && j % specification.KeyBlock == (tying * 5) % specification.KeyBlock;
                key[0, j, 0, dim] = end || tie ? Hot : Cold;
                value[0, j, 0, dim] = RandomCases.Normal(random);
            }
        }
        return new()
        {
            Name = $"row {tying} of {rows} at the threshold",
            Specification = specification,
            Query = query,
            Key = key,
            Value = value,
            Paging = specification.KvLayout == KvLayout.Paged ? new() { Seed = tying } : null,
            ThresholdValue = specification.Threshold == ThresholdMode.Fixed ? 1 : keys,
            SequenceThresholds = [1],
        };
    }
}
