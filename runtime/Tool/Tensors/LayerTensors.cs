using SkipSoftmax.Tensors;

namespace SkipSoftmax.Tool.Tensors;

/// <summary>Q, K and V of one layer and prompt: what sweeps and calibrations are made on.</summary>
/// <param name="Name">Of the file or folder.</param>
/// <param name="HeadsFirst">Whether heads come before tokens.</param>
internal sealed record LayerTensors(string Name, TensorData Query, TensorData Key, TensorData Value, bool HeadsFirst)
{
    /// <summary>For the help of commands that take them.</summary>
    public const string Description =
        "Files or folders, each with one layer's query, key and value [token, head, head_dim]: a .safetensors file with tensors of these names, or a folder with query.npy, key.npy and value.npy.";

    public ElementType Element => Query.Element;

    public TensorShape QueryShape => ShapeOf(Query);

    public TensorShape KeyShape => ShapeOf(Key);

    /// <summary>Tokens; the first n of them are a valid prompt too.</summary>
    public int Tokens => QueryShape.Length;

    /// <exception cref="InvalidDataException">A file is damaged, or the three tensors do not belong together.</exception>
    public static LayerTensors Read(string path, bool headsFirst)
    {
        Func<string, TensorData> read;
        if (Directory.Exists(path))
        {
            read = name => NpyFile.Read(Path.Combine(path, $"{name}.npy"));
        }
        else
        {
            SafetensorsFile file = SafetensorsFile.Open(path);
            read = file.Read;
        }
        LayerTensors tensors = new(Path.GetFileNameWithoutExtension(path.TrimEnd('/', '\\')), WithoutBatch(read("query")), WithoutBatch(read("key")), WithoutBatch(read("value")), headsFirst);
        return tensors.WhyUnusable() is string reason ? throw new InvalidDataException($"{path} can't be used: {reason}.") : tensors;
    }

    /// <summary>View of a tensor's memory as this tensor lies in it.</summary>
    public TensorStrides StridesOf(TensorShape shape) =>
        HeadsFirst ? new((long)shape.Length * shape.Heads * shape.HeadDim, shape.HeadDim, (long)Tokens * shape.HeadDim) : shape.Packed;

    private string? WhyUnusable()
    {
        string shapes = $"query {Query.Element} {Query.ShapeText}, key {Key.Element} {Key.ShapeText}, value {Value.Element} {Value.ShapeText}";
        if (Query.Shape.Length != 3 || Key.Shape.Length != 3 || Query.Shape.Contains(0) || Key.Shape.Contains(0))
        {
            return $"{shapes} are not three dimensions each, none of them empty: give [token, head, head_dim], or [head, token, head_dim] with --heads-first";
        }
        if (!Key.Shape.SequenceEqual(Value.Shape) || Query.Element != Key.Element || Key.Element != Value.Element)
        {
            return $"{shapes} are not alike: key and value have one shape, and all three one type";
        }
        return QueryShape.Length != KeyShape.Length || QueryShape.HeadDim != KeyShape.HeadDim || QueryShape.Heads % KeyShape.Heads != 0
            ? $"{shapes} do not belong together: tokens and head_dim agree, and query heads are a multiple of key/value heads{(HeadsFirst ? "" : " (--heads-first if heads come before tokens)")}"
            : null;
    }

    private TensorShape ShapeOf(TensorData tensor) =>
        HeadsFirst ? new(1, tensor.Shape[1], tensor.Shape[0], tensor.Shape[2]) : new(1, tensor.Shape[0], tensor.Shape[1], tensor.Shape[2]);

    private static TensorData WithoutBatch(TensorData tensor) => tensor.Shape is [1, _, _, _] ? tensor with { Shape = tensor.Shape[1..] } : tensor;
}
