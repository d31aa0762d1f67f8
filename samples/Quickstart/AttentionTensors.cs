using SkipSoftmax.Tensors;

namespace SkipSoftmax.Samples;

/// <summary>Q, K and V of one layer of a real model on real text, for one key/value head and the query heads that share it.</summary>
/// <param name="Name">The file's name: text, layer, key/value head, tokens.</param>
/// <param name="Query">Q <c>[1, tokens, query heads, head_dim]</c>, packed.</param>
/// <param name="Key">K <c>[1, tokens, 1, head_dim]</c>, packed.</param>
/// <param name="Value">V, of K's shape.</param>
/// <param name="QueryShape">Q's shape.</param>
/// <param name="KeyShape">K's and V's shape.</param>
public sealed record AttentionTensors(string Name, Half[] Query, Half[] Key, Half[] Value, TensorShape QueryShape, TensorShape KeyShape)
{
    /// <summary>The scale the model runs with: 1 / √64.</summary>
    public const float Scale = 0.125f;

    /// <summary>Reads <c>query</c>, <c>key</c> and <c>value</c> <c>[token, head, head_dim]</c>.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or the three tensors do not belong together.</exception>
    public static AttentionTensors Read(string path)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        TensorData query = file.Read("query"), key = file.Read("key"), value = file.Read("value");
        (int[] q, int[] k, int[] v) = (query.Shape, key.Shape, value.Shape);
        if (q.Length != 3 || k.Length != 3 || !k.SequenceEqual(v) || q[0] != k[0] || q[2] != k[2] || k[1] == 0 || q[1] % k[1] != 0
            || new[] { query, key, value }.Any(tensor => tensor.Element != ElementType.Float16))
        {
            throw new InvalidDataException($"{path}: query {query.ShapeText}, key {key.ShapeText} and value {value.ShapeText} are not one layer's float16 tensors.");
        }
        return new(
            Path.GetFileNameWithoutExtension(path), query.Elements<Half>().ToArray(), key.Elements<Half>().ToArray(), value.Elements<Half>().ToArray(),
            new(1, q[0], q[1], q[2]), new(1, k[0], k[1], k[2]));
    }
}
