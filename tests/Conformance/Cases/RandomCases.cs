using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>Random problems: everything about one follows from its seed and the backend's capabilities.</summary>
public static class RandomCases
{
    /// <summary>Cosines that make up the locality: the sum falls from their number to nearly 0 over an eighth of the sequence.</summary>
    private const int LocalityFrequencies = 4;

    private static readonly int[] GroupSizes = [1, 2, 3, 4, 8];
    private static readonly float[] NonFinite = [float.NaN, float.PositiveInfinity, float.NegativeInfinity];

    /// <summary>Makes the case of a seed; <paramref name="options"/> take the place of what would be drawn.</summary>
    public static AttentionCase Create(int seed, BackendCapabilities capabilities, RandomCaseOptions? options = null)
    {
        options ??= new();
        Random random = new(seed);
        AttentionSpecification specification = options.Specification
            ?? (capabilities.Specifications?.Where(specification => specification.Phase == AttentionPhase.Prefill).ToArray() is { Length: > 0 } given
                ? Pick(random, given)
                : Specify(random, capabilities));
        (int queryLength, int keyLength) = options.Lengths ?? Lengths(random, capabilities.LongestSequence);
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
        float scale = (options.Scale ?? Pick(random, [1f, 1f, 0.3f, 1.7f])) / MathF.Sqrt(specification.HeadDim);
        float coldShare = options.ColdShare ?? (random.Next(6) == 0 ? 0 : MathF.Sqrt(random.NextSingle()));
        float locality = options.Locality ?? (random.Next(4) == 0 ? 3 + (5 * random.NextSingle()) : 0);
        // The mean gives hot keys a logit of 8 over cold ones at any head_dim; locality takes its place, so that no logit gets much larger.
        float mean = locality > 0 ? 0 : MathF.Pow(64f / specification.HeadDim, 0.25f);
        bool hotEnds = options.HotEnds ?? random.Next(3) != 0;
        Fill(random, query, queryLengths, mean, specification.KeyBlock, coldShare: 0, hotEnds);
        Fill(random, key, keyLengths, options.Opposed ? -mean : mean, specification.KeyBlock, coldShare, hotEnds);
        Fill(random, value, keyLengths, mean: 0, specification.KeyBlock, coldShare: 0, hotEnds);
        Localize(query, key, queryLengths, keyLengths, MathF.Sqrt(locality / scale / LocalityFrequencies));
        for (int injected = options.NonFinite && random.Next(5) == 0 ? random.Next(1, 4) : 0; injected > 0; injected--)
        {
            Inject(random, Pick(random, [query, key, value]));
        }

        float lambda = options.Lambda ?? random.Next(10) switch
        {
            0 => 0,
            1 => 1 + (20 * random.NextSingle()),
            _ => MathF.Pow(10, -3 * random.NextSingle()),
        };
        HostTensor output = Allocate(random, specification, query.Shape, capabilities.Alignment);
        return new AttentionCase
        {
            Name = $"seed {seed}: {specification.Phase} {specification.Element} d{specification.HeadDim} {specification.QueryBlock}×{specification.KeyBlock} "
                + $"{specification.Mask} {specification.Order} {specification.Threshold} λ≈{lambda:g3}, {coldShare:p0} cold, locality {locality:g2}, Q {query.Shape}, K {key.Shape}, "
                + $"lengths [{string.Join(", ", queryLengths ?? [])}] × [{string.Join(", ", keyLengths ?? [])}]",
            Specification = specification,
            Query = query,
            Key = key,
            Value = value,
            OutputStrides = output.Strides,
            OutputOffset = output.Offset,
            QueryLengths = queryLengths,
            KeyLengths = keyLengths,
            Scale = scale,
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

    private static (int Query, int Key) Lengths(Random random, int limit)
    {
        int longest = Math.Min(limit, random.Next(20) switch { 0 => 1000, < 6 => 320, _ => 140 });
        int query = random.Next(1, longest + 1);
        int key = random.Next(5) switch { 0 => query, 1 => random.Next(1, longest + 1), _ => random.Next(limit / 3, limit + 1) }; // there is much to skip
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

    /// <summary>Writes the tokens that count and leaves poison past them. Cold blocks are scaled down, as the mass of real attention gathers
    /// in few places; the first block and the last may be hot whatever is drawn.</summary>
    private static void Fill(Random random, HostTensor tensor, int[]? lengths, float mean, int blockLength, float coldShare, bool hotEnds)
    {
        for (int batch = 0; batch < tensor.Shape.Batch; batch++)
        {
            float temperature = 1;
            int tokens = lengths?[batch] ?? tensor.Shape.Length;
            for (int token = 0; token < tokens; token++)
            {
                if (coldShare > 0 && token % blockLength == 0)
                {
                    bool hot = (hotEnds && (token == 0 || token + blockLength >= tokens)) || random.NextSingle() >= coldShare;
                    temperature = hot ? 1 - (0.2f * random.NextSingle()) : 0.2f * random.NextSingle();
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

    /// <summary>Adds to the first dimensions of Q and K what makes q·k fall with the distance of their positions: for each of a few
    /// frequencies (cos, sin) of the position, whose product is the cosine of the difference.</summary>
    private static void Localize(HostTensor query, HostTensor key, int[]? queryLengths, int[]? keyLengths, float amplitude)
    {
        for (int batch = 0; batch < query.Shape.Batch && amplitude > 0; batch++)
        {
            int keys = keyLengths?[batch] ?? key.Shape.Length;
            int rows = queryLengths?[batch] ?? query.Shape.Length;
            AddPositions(query, batch, rows, firstPosition: keys - rows, keys, amplitude);
            AddPositions(key, batch, keys, firstPosition: 0, keys, amplitude);
        }
    }

    private static void AddPositions(HostTensor tensor, int batch, int tokens, int firstPosition, int keys, float amplitude)
    {
        for (int token = 0; token < tokens; token++)
        {
            for (int frequency = 1; frequency <= LocalityFrequencies; frequency++)
            {
                (float sin, float cos) = MathF.SinCos(frequency * MathF.PI * (firstPosition + token) / Math.Max(1, keys));
                for (int head = 0; head < tensor.Shape.Heads; head++)
                {
                    tensor[batch, token, head, (2 * frequency) - 2] += amplitude * cos;
                    tensor[batch, token, head, (2 * frequency) - 1] += amplitude * sin;
                }
            }
        }
    }

    internal static void Inject(Random random, HostTensor tensor) =>
        tensor[random.Next(tensor.Shape.Batch), random.Next(tensor.Shape.Length), random.Next(tensor.Shape.Heads), random.Next(tensor.Shape.HeadDim)] =
            Pick(random, NonFinite);

    internal static T Pick<T>(Random random, IReadOnlyList<T> from) => from[random.Next(from.Count)];
}
