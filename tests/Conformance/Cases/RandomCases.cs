using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>Random problems: everything about one follows from its seed and the backend's capabilities.</summary>
public static class RandomCases
{
    private const int KeysOfOneTemperature = 64;

    private static readonly int[] GroupSizes = [1, 2, 3, 4, 8];
    private static readonly float[] NonFinite = [float.NaN, float.PositiveInfinity, float.NegativeInfinity];

    public static AttentionCase Create(int seed, BackendCapabilities capabilities)
    {
        Random random = new(seed);
        AttentionSpecification specification = capabilities.Specifications?.Where(specification => specification.Phase == AttentionPhase.Prefill).ToArray() is { Length: > 0 } given
            ? Pick(random, given)
            : Specify(random, capabilities);
        (int queryLength, int keyLength) = Lengths(random, specification.Phase, capabilities.LongestSequence);
        int keyValueHeads = random.Next(1, 3);
        int groupSize = Pick(random, GroupSizes);
        int batch = random.Next(1, 4);
        while ((long)batch * keyValueHeads * groupSize * queryLength * keyLength > capabilities.MostLogits && (batch > 1 || keyValueHeads > 1 || groupSize > 1))
        {
            batch = Math.Max(1, batch - 1);
            keyValueHeads = 1;
            groupSize = batch == 1 ? (groupSize + 1) / 2 : groupSize;
        }

        HostTensor query = Allocate(random, specification, new(batch, queryLength, keyValueHeads * groupSize, specification.HeadDim), capabilities.Alignment);
        TensorShape keyShape = new(batch, keyLength, keyValueHeads, specification.HeadDim);
        HostTensor key = Allocate(random, specification, keyShape, capabilities.Alignment);
        HostTensor value = Allocate(random, specification, keyShape, capabilities.Alignment);
        int[]? queryLengths = random.Next(2) == 0 ? RaggedLengths(random, batch, queryLength) : null;
        int[]? keyLengths = random.Next(2) == 0 ? RaggedLengths(random, batch, keyLength) : null;
        // The mean gives hot keys a logit of 8 over cold ones at any head_dim.
        float mean = MathF.Pow(64f / specification.HeadDim, 0.25f);
        Fill(random, query, queryLengths, mean, temperatures: false);
        Fill(random, key, keyLengths, mean, temperatures: true);
        Fill(random, value, keyLengths, mean: 0, temperatures: false);
        for (int injected = random.Next(5) == 0 ? random.Next(1, 4) : 0; injected > 0; injected--)
        {
            Inject(random, Pick(random, [query, key, value]));
        }

        float lambda = random.Next(10) switch
        {
            0 => 0,
            1 => 1 + (20 * random.NextSingle()),
            _ => MathF.Pow(10, -3 * random.NextSingle()),
        };
        HostTensor output = Allocate(random, specification, query.Shape, capabilities.Alignment);
        return new AttentionCase
        {
            Name = $"seed {seed}: {specification.Phase} {specification.Element} d{specification.HeadDim} {specification.QueryBlock}×{specification.KeyBlock} "
                + $"{specification.Mask} {specification.Order} {specification.Threshold} λ≈{lambda:g3}, Q {query.Shape}, K {key.Shape}, "
                + $"lengths [{string.Join(", ", queryLengths ?? [])}] × [{string.Join(", ", keyLengths ?? [])}]",
            Specification = specification,
            Query = query,
            Key = key,
            Value = value,
            OutputStrides = output.Strides,
            OutputOffset = output.Offset,
            QueryLengths = queryLengths,
            KeyLengths = keyLengths,
            Scale = Pick(random, [1f, 1f, 0.3f, 1.7f]) / MathF.Sqrt(specification.HeadDim),
            ThresholdValue = specification.Threshold == ThresholdMode.Fixed ? lambda : lambda * keyLength,
            SequenceThresholds = [.. Enumerable.Range(0, batch).Select(sequence => sequence == 0 ? lambda : lambda * random.NextSingle())],
        };
    }

    /// <summary>A normally distributed number.</summary>
    public static float Normal(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));

    private static AttentionSpecification Specify(Random random, BackendCapabilities capabilities) => new()
    {
        Name = "RandomCase",
        Phase = AttentionPhase.Prefill, // RandomDecodeCases has the others
        HeadDim = Pick(random, capabilities.HeadDims),
        QueryBlock = Pick(random, capabilities.QueryBlocks),
        KeyBlock = Pick(random, capabilities.KeyBlocks),
        Threshold = Pick(random, Enum.GetValues<ThresholdMode>()),
        Mask = Pick(random, Enum.GetValues<AttentionMask>()),
        Element = Pick(random, capabilities.Elements),
        Targets = GpuTargets.None,
        Order = Pick(random, Enum.GetValues<TileOrder>()),
        CountTiles = true,
        RecordDecisions = true,
        ReturnLse = true,
    };

    private static (int Query, int Key) Lengths(Random random, AttentionPhase phase, int limit)
    {
        int longest = Math.Min(limit, random.Next(20) switch { 0 => 1000, < 6 => 320, _ => 140 });
        int query = phase == AttentionPhase.Decode ? random.Next(1, 9) : random.Next(1, longest + 1);
        int key = phase == AttentionPhase.Decode ? random.Next(1, limit + 1)
            : random.Next(5) switch { 0 => query, 1 => random.Next(1, longest + 1), _ => random.Next(limit / 3, limit + 1) }; // there is much to skip
        return (query, key);
    }

    private static int[] RaggedLengths(Random random, int batch, int longest) =>
        [.. Enumerable.Range(0, batch).Select(_ => random.Next(8) == 0 ? 0 : random.Next(1, longest + 1))];

    /// <summary>Heads within tokens or tokens within heads, with gaps between tokens, heads and sequences and before the first element.</summary>
    internal static HostTensor Allocate(Random random, AttentionSpecification specification, TensorShape shape, int alignment)
    {
        int step = Math.Max(1, alignment / TensorLayout.SizeOf(specification.Element));
        int Gap() => random.Next(2) == 0 ? 0 : random.Next(1, 4) * step;
        long inner = shape.HeadDim + Gap();
        bool headsInner = random.Next(2) == 0;
        long outer = (inner * (headsInner ? shape.Heads : shape.Length)) + Gap();
        long sequence = (outer * (headsInner ? shape.Length : shape.Heads)) + Gap();
        return new(specification.Element, shape, new(sequence, headsInner ? outer : inner, headsInner ? inner : outer), Gap());
    }

    /// <summary>Writes the tokens that count and leaves poison past them. With temperatures, runs of keys are scaled down, as the mass of
    /// real attention gathers in few places.</summary>
    private static void Fill(Random random, HostTensor tensor, int[]? lengths, float mean, bool temperatures)
    {
        for (int batch = 0; batch < tensor.Shape.Batch; batch++)
        {
            float temperature = 1;
            for (int token = 0; token < (lengths?[batch] ?? tensor.Shape.Length); token++)
            {
                if (temperatures && token % KeysOfOneTemperature == 0)
                {
                    temperature = random.Next(3) == 0 ? 1 : MathF.Pow(random.NextSingle(), 2);
                }
                for (int head = 0; head < tensor.Shape.Heads; head++)
                {
                    for (int dim = 0; dim < tensor.Shape.HeadDim; dim++)
                    {
                        tensor[batch, token, head, dim] = temperature * (Normal(random) + mean);
                    }
                }
            }
        }
    }

    internal static void Inject(Random random, HostTensor tensor) =>
        tensor[random.Next(tensor.Shape.Batch), random.Next(tensor.Shape.Length), random.Next(tensor.Shape.Heads), random.Next(tensor.Shape.HeadDim)] =
            Pick(random, NonFinite);

    internal static T Pick<T>(Random random, IReadOnlyList<T> from) => from[random.Next(from.Count)];
}
