using SkipSoftmax.Descriptors;
using SkipSoftmax.Samples;

namespace SkipSoftmax.Conformance;

/// <summary>Real tensors of a small model as cases: causal, decisions of 64 rows.</summary>
public static class RealTensorCases
{
    /// <summary>The first <paramref name="tokens"/> tokens, or all.</summary>
    public static AttentionCase Load(string file, int keyBlock, ThresholdMode mode, TileOrder order, ElementType element, int? tokens = null)
        => Read(Find(file), CraftedCases.Specification with { Mask = AttentionMask.Causal, KeyBlock = keyBlock, Threshold = mode, Order = order, Element = element }, tokens);

    /// <summary>A file of tensors as a case of a specification, with the usual scale 1 / √head_dim.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, has another head_dim, or fewer tokens.</exception>
    public static AttentionCase Read(string path, AttentionSpecification specification, int? tokens = null)
    {
        AttentionTensors tensors = AttentionTensors.Read(path);
        TensorShape shape = tensors.QueryShape;
        if (shape.HeadDim != specification.HeadDim)
        {
            throw new InvalidDataException($"{path} has head_dim {shape.HeadDim}, but {specification.Name} is declared with HeadDim = {specification.HeadDim}: declare that, or give other tensors.");
        }
        if (tokens > shape.Length)
        {
            throw new InvalidDataException($"{path} has {shape.Length} tokens, of which {tokens} are asked for: ask for at most {shape.Length}.");
        }
        return new AttentionCase
        {
            Name = $"{tensors.Name} {specification.Order}",
            Specification = specification,
            Query = Import(tensors.Query, tensors.QueryShape, specification.Element, tokens),
            Key = Import(tensors.Key, tensors.KeyShape, specification.Element, tokens),
            Value = Import(tensors.Value, tensors.KeyShape, specification.Element, tokens),
            Scale = 1 / MathF.Sqrt(shape.HeadDim),
        };
    }

    /// <summary>The last positions as decode steps of one batch: step i has <paramref name="queryLength"/> query tokens, and the keys up to the last
    /// of them. All sequences share their keys and values in memory (a batch stride of 0).</summary>
    public static AttentionCase LoadDecode(string file, int steps, int queryLength, ElementType element, int? tokens = null)
    {
        AttentionCase prompt = Load(file, 64, ThresholdMode.Fixed, TileOrder.Descending, element, tokens);
        int length = prompt.Query.Shape.Length, first = length - (steps * queryLength);
        HostTensor query = new(element, new(steps, queryLength, prompt.QueryHeads, prompt.HeadDim));
        for (int step = 0; step < steps; step++)
        {
            for (int token = 0; token < queryLength; token++)
            {
                for (int head = 0; head < prompt.QueryHeads; head++)
                {
                    prompt.Query.CopyVector(0, first + (step * queryLength) + token, head, query, step, token, head);
                }
            }
        }
        return prompt with
        {
            Name = $"{file} decode, {steps} × {queryLength} tokens",
            Specification = CraftedCases.DecodeSpecification with { Mask = AttentionMask.Causal, Element = element },
            Query = query,
            Key = prompt.Key.Repeat(steps),
            Value = prompt.Value.Repeat(steps),
            KeyLengths = [.. Enumerable.Range(1, steps).Select(step => first + (step * queryLength))],
        };
    }

    /// <summary>The tensors in the repository, or the longer ones in a folder <c>shared/data</c> beside it.</summary>
    private static string Find(string file)
    {
        string name = $"{file}.safetensors";
        string inRepository = Path.Combine(AppContext.BaseDirectory, "data", name);
        if (File.Exists(inRepository))
        {
            return inRepository;
        }
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "SkipSoftmax.Gen.sln")))
        {
            root = root.Parent;
        }
        string beside = Path.Combine(root?.Parent?.FullName ?? AppContext.BaseDirectory, "shared", "data", name);
        Skip.IfNot(File.Exists(beside), $"{name} is neither in the repository (5 MB; its first 4,096 tokens are) nor in ../shared/data beside it.");
        return beside;
    }

    private static HostTensor Import(Half[] elements, TensorShape shape, ElementType element, int? tokens)
    {
        HostTensor tensor = new(element, shape with { Length = tokens ?? shape.Length });
        for (int index = 0; index < tensor.Shape.Length * shape.Heads * shape.HeadDim; index++)
        {
            int row = index / shape.HeadDim;
            tensor[0, row / shape.Heads, row % shape.Heads, index % shape.HeadDim] = (float)elements[index];
        }
        return tensor;
    }
}
