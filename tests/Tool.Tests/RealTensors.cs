using System.Runtime.InteropServices;
using SkipSoftmax.Tensors;

namespace SkipSoftmax.Tool.Tests;

/// <summary>The repository's tensors, as they lie and in the other forms that the tool reads.</summary>
internal static class RealTensors
{
    public const string Code = "code-layer05-kv1-4k", Layer14 = "tech-layer14-kv0-4k", Layer22 = "tech-layer22-kv0-4k";

    private static readonly string[] names = ["query", "key", "value"];

    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "data", $"{name}.safetensors");

    /// <summary>A folder with the first tokens as .npy files.</summary>
    public static string SaveAsNpy(string folder, string name, int tokens, bool headsFirst, bool single)
    {
        SafetensorsFile file = SafetensorsFile.Open(PathOf(name));
        Directory.CreateDirectory(folder);
        foreach (string tensorName in names)
        {
            TensorData tensor = file.Read(tensorName);
            (int heads, int dim) = (tensor.Shape[1], tensor.Shape[2]);
            Half[] elements = tensor.Elements<Half>()[..(tokens * heads * dim)].ToArray();
            if (headsFirst)
            {
                elements = [.. from head in Enumerable.Range(0, heads) from token in Enumerable.Range(0, tokens) from index in Enumerable.Range(0, dim) select elements[(((token * heads) + head) * dim) + index]];
            }
            byte[] bytes = single ? MemoryMarshal.AsBytes<float>(elements.Select(element => (float)element).ToArray()).ToArray() : MemoryMarshal.AsBytes<Half>(elements).ToArray();
            string shape = headsFirst ? $"1, {heads}, {tokens}, {dim}" : $"{tokens}, {heads}, {dim}";
            byte[] npy = NpyFileTests.Serialize($"{{'descr': '{(single ? "<f4" : "<f2")}', 'fortran_order': False, 'shape': ({shape}), }}", bytes.Length);
            bytes.CopyTo(npy.AsSpan(npy.Length - bytes.Length));
            File.WriteAllBytes(Path.Combine(folder, $"{tensorName}.npy"), npy);
        }
        return folder;
    }
}
