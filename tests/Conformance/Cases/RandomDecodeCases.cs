using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>Random problems of decode, contiguous and paged: everything about one follows from its seed and the backend's capabilities.</summary>
public static class RandomDecodeCases
{
    /// <summary>Query tokens at most.</summary>
    public const int MostQueries = 8;

    private static readonly int[] GroupSizes = [1, 2, 3, 4, 8, 16];
    private static readonly int[] ScarceLengths = [0, 0, 1, 1, 2, 15, 16, 63, 64, 65, 127, 128, 129, 192];

    /// <summary>Makes the case of a seed; <paramref name="options"/> take the place of what would be drawn.</summary>
    public static AttentionCase Create(int seed, BackendCapabilities capabilities, RandomCaseOptions? options = null)
    {
        options ??= new();
        Random random = new(seed);
        AttentionSpecification specification = options.Specification
            ?? (capabilities.Specifications?.Where(specification => specification.Phase == AttentionPhase.Decode).ToArray() is { Length: > 0 } given
                ? RandomCases.Pick(random, given)
                : Specify(random, capabilities));
        int longest = capabilities.LongestSequence;
        (int queryLength, int keyLength) = options.Lengths
            ?? (random.Next(1, specification.MaxQueryLength + 1), random.Next(4) == 0 ? random.Next(1, Math.Min(longest, 300) + 1) : random.Next(longest / 3, longest + 1));
        int keyValueHeads = random.Next(1, 4);
        int groupSize = RandomCases.Pick(random, GroupSizes);
        int batch = random.Next(1, 6);
        while ((long)batch * keyValueHeads * groupSize * queryLength * keyLength > capabilities.MostLogits && (batch > 1 || keyValueHeads > 1 || groupSize > 1))
        {
            batch = Math.Max(1, batch - 1);
            keyValueHeads = 1;
            groupSize = batch == 1 ? (groupSize + 1) / 2 : groupSize;
        }

        HostTensor query = RandomCases.Allocate(random, specification, new(batch, queryLength, keyValueHeads * groupSize, specification.HeadDim), capabilities.Alignment);
        TensorShape keyShape = new(batch, keyLength, keyValueHeads, specification.HeadDim);
        HostTensor key = RandomCases.Allocate(random, specification, keyShape, capabilities.Alignment);
        HostTensor value = RandomCases.Allocate(random, specification, keyShape, capabilities.Alignment);
        HostTensor output = RandomCases.Allocate(random, specification, query.Shape, capabilities.Alignment);
        int[]? queryLengths = random.Next(3) == 0 ? [.. Enumerable.Range(0, batch).Select(_ => random.Next(queryLength + 1))] : null;
        int[]? keyLengths = random.Next(5) < 2 ? null : [.. Enumerable.Range(0, batch).Select(_ => LengthUpTo(random, keyLength))];
        // The mean gives hot keys a logit of 8 over cold ones at any head_dim.
        float mean = MathF.Pow(64f / specification.HeadDim, 0.25f);
        float coldShare = options.ColdShare ?? random.Next(6) switch
        {
            0 => 0,
            1 => 1,
            _ => MathF.Sqrt(random.NextSingle()),
        };
        Fill(random, query, queryLengths, mean, coldShare: 0);
        Fill(random, key, keyLengths, mean, coldShare);
        Fill(random, value, keyLengths, mean: 0, coldShare: 0);
        for (int injected = options.NonFinite && random.Next(5) == 0 ? random.Next(1, 4) : 0; injected > 0; injected--)
        {
            RandomCases.Inject(random, RandomCases.Pick(random, [query, key, value]));
        }

        float lambda = options.Lambda ?? random.Next(10) switch
        {
            0 => 0,
            1 => 1 + (20 * random.NextSingle()),
            _ => MathF.Pow(10, -3 * random.NextSingle()),
        };
        Paging? paging = specification.KvLayout == KvLayout.Contiguous ? null : new()
        {
            Seed = seed,
            TokensWithinHeads = random.Next(2) == 0,
            SpareEntries = random.Next(4),
            Gap = random.Next(2) == 0 ? 0 : Math.Max(1, capabilities.Alignment / TensorLayout.SizeOf(specification.Element)),
        };
        return new AttentionCase
        {
            Name = $"seed {seed}: decode {specification.Element} d{specification.HeadDim} tiles of {specification.KeyBlock} {specification.KvLayout} "
                + $"{(paging is null ? "" : $"{specification.PageSize} {(paging.TokensWithinHeads ? "HND" : "NHD")} ")}{specification.Mask} {specification.Threshold} λ≈{lambda:g3}, "
                + $"{coldShare:p0} cold, Q {query.Shape}, K {key.Shape}, lengths [{string.Join(", ", queryLengths ?? [])}] × [{string.Join(", ", keyLengths ?? [])}]",
            Specification = specification,
            Query = query,
            Key = key,
            Value = value,
            OutputStrides = output.Strides,
            OutputOffset = output.Offset,
            QueryLengths = queryLengths,
            KeyLengths = keyLengths,
            Paging = paging,
            Scale = (options.Scale ?? RandomCases.Pick(random, [1f, 1f, 0.3f, 1.7f])) / MathF.Sqrt(specification.HeadDim),
            ThresholdValue = specification.Threshold == ThresholdMode.Fixed ? lambda : lambda * keyLength,
            SequenceThresholds = [.. Enumerable.Range(0, batch).Select(sequence => sequence == 0 ? lambda : lambda * random.NextSingle())],
        };
    }

    private static AttentionSpecification Specify(Random random, BackendCapabilities capabilities)
    {
        bool paged = capabilities.PageSizes.Count > 0 && random.Next(2) == 0;
        return CraftedCases.DecodeSpecification with
        {
            Name = "RandomDecodeCase",
            HeadDim = RandomCases.Pick(random, capabilities.HeadDims),
            KeyBlock = RandomCases.Pick(random, capabilities.KeyBlocks),
            Threshold = RandomCases.Pick(random, Enum.GetValues<ThresholdMode>()),
            Mask = RandomCases.Pick(random, Enum.GetValues<AttentionMask>()),
            Element = RandomCases.Pick(random, capabilities.Elements),
            KvLayout = paged ? KvLayout.Paged : KvLayout.Contiguous,
            PageSize = paged ? RandomCases.Pick(random, capabilities.PageSizes) : 0,
            MaxQueryLength = random.Next(2) == 0 ? 1 : random.Next(2, MostQueries + 1),
        };
    }

    /// <summary>Any length, and often one near a tile's, a page's or the sequence's beginning.</summary>
    private static int LengthUpTo(Random random, int longest) =>
        random.Next(4) == 0 ? Math.Min(longest, RandomCases.Pick(random, ScarceLengths)) : random.Next(1, longest + 1);

    /// <summary>Writes the tokens that count and leaves poison past them. Cold blocks of keys are scaled down, as the mass of real attention
    /// gathers in few places: at the beginning and near the end, mostly.</summary>
    private static void Fill(Random random, HostTensor tensor, int[]? lengths, float mean, float coldShare)
    {
        const int block = 64;
        for (int batch = 0; batch < tensor.Shape.Batch; batch++)
        {
            float temperature = 1;
            int tokens = lengths?[batch] ?? tensor.Shape.Length;
            bool hotEnds = random.Next(6) != 0;
            for (int token = 0; token < tokens; token++)
            {
                if (coldShare > 0 && token % block == 0)
                {
                    bool hot = (hotEnds && (token == 0 || token + block >= tokens)) || random.NextSingle() >= coldShare;
                    temperature = hot ? 1 - (0.2f * random.NextSingle()) : 0.2f * random.NextSingle();
                }
                for (int head = 0; head < tensor.Shape.Heads; head++)
                {
                    for (int dim = 0; dim < tensor.Shape.HeadDim; dim++)
                    {
                        tensor[batch, token, head, dim] = temperature * (RandomCases.Normal(random) + mean);
                    }
                }
            }
        }
    }
}
