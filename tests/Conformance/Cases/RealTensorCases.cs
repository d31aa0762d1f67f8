using SkipSoftmax.Samples;

namespace SkipSoftmax.Conformance;

/// <summary>Real tensors of a small model as cases: causal, decisions of 64 rows.</summary>
public static class RealTensorCases
{
    /// <summary>The first <paramref name="tokens"/> tokens, or all.</summary>
    public static AttentionCase Load(string file, int keyBlock, ThresholdMode mode, TileOrder order, ElementType element, int? tokens = null)
    {
        AttentionTensors tensors = AttentionTensors.Read(Find(file));
        return new AttentionCase
        {
            Name = $"{file} {order}",
            Specification = CraftedCases.Specification with { Mask = AttentionMask.Causal, KeyBlock = keyBlock, Threshold = mode, Order = order, Element = element },
            Query = Import(tensors.Query, tensors.QueryShape, element, tokens),
            Key = Import(tensors.Key, tensors.KeyShape, element, tokens),
            Value = Import(tensors.Value, tensors.KeyShape, element, tokens),
            Scale = AttentionTensors.Scale,
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
