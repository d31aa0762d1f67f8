using System.Buffers.Binary;
using System.Text.Json;

namespace SkipSoftmax.Tensors;

/// <summary>
/// Reads a safetensors file: 8 bytes of header length, a JSON header, the tensors' bytes. Nothing the file says is believed before it is checked against the
/// file's size, so that no lie makes it read elsewhere or allocate more than the file's size.
/// </summary>
public sealed class SafetensorsFile
{
    /// <summary>No attention tensor has more; a header may claim any number.</summary>
    private const int MaximumRank = 8;

    /// <summary>Of the tensors that are there, in a message about one that is not.</summary>
    private const int NamesTold = 8;

    private readonly string path;
    private readonly byte[] header;
    private readonly long dataBytes;

    private SafetensorsFile(string path, FileStream file)
    {
        this.path = path;
        if (file.Length < sizeof(ulong))
        {
            throw Damaged($"it has {file.Length} bytes, fewer than the header's length takes");
        }
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        file.ReadExactly(prefix);
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes > (ulong)(file.Length - sizeof(ulong)) || headerBytes > (ulong)Array.MaxLength)
        {
            throw Damaged($"the header's length, {headerBytes}, is past the end of the file");
        }
        header = new byte[headerBytes];
        file.ReadExactly(header);
        dataBytes = file.Length - sizeof(ulong) - header.Length;
        RequireNoOverlap();
    }

    /// <summary>Opens a file and checks its whole header.</summary>
    /// <exception cref="InvalidDataException">It is no safetensors file, or its header lies.</exception>
    public static SafetensorsFile Open(string path)
    {
        using FileStream file = File.OpenRead(path);
        return new(path, file);
    }

    /// <summary>A tensor of floating-point numbers.</summary>
    /// <exception cref="InvalidDataException">The file holds no such tensor, or one of another type.</exception>
    public TensorData Read(string name)
    {
        Entry? found = null;
        List<string> names = [];
        ForEachTensor((key, entry) =>
        {
            if (names.Count <= NamesTold)
            {
                names.Add(key);
            }
            if (key == name)
            {
                found = found is null ? entry : throw Damaged($"it has two tensors '{name}'");
            }
        });
        if (found is not { } tensor)
        {
            throw Damaged($"tensor '{name}' is missing: it has {(names.Count == 0 ? "none" : string.Join(", ", names.Take(NamesTold)))}{(names.Count > NamesTold ? ", …" : "")}");
        }
        ElementType element = tensor.Type switch
        {
            "F16" => ElementType.Float16,
            "BF16" => ElementType.BFloat16,
            "F32" => ElementType.Float32,
            _ => throw Damaged($"tensor '{name}' is of type {tensor.Type}, not F16, BF16 or F32"),
        };
        byte[] bytes = new byte[tensor.End - tensor.Begin]; // within the file: checked
        using FileStream file = File.OpenRead(path);
        file.Position = sizeof(ulong) + header.Length + tensor.Begin;
        file.ReadExactly(bytes);
        return new(element, [.. tensor.Shape.Select(extent => (int)extent)], bytes);
    }

    private void RequireNoOverlap()
    {
        List<(long Begin, long End)> ranges = [];
        ForEachTensor((_, entry) => ranges.Add((entry.Begin, entry.End)));
        ranges.Sort();
        for (int index = 1; index < ranges.Count; index++)
        {
            if (ranges[index].Begin < ranges[index - 1].End)
            {
                throw Damaged($"tensors overlap: bytes [{ranges[index - 1].Begin}, {ranges[index - 1].End}) and [{ranges[index].Begin}, {ranges[index].End})");
            }
        }
    }

    /// <summary>Reads the header token by token: a document of its values would take many times its size.</summary>
    private void ForEachTensor(Action<string, Entry> take)
    {
        try
        {
            Utf8JsonReader reader = new(header);
            Require(reader.Read() && reader.TokenType == JsonTokenType.StartObject, "its header is no JSON object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                reader.Read();
                if (name == "__metadata__")
                {
                    reader.Skip();
                }
                else
                {
                    take(name, ReadEntry(ref reader, name));
                }
            }
            Require(!reader.Read(), "something follows its header's object");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw Damaged($"its header is no JSON as safetensors have it: {exception.Message}");
        }
    }

    private Entry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        Require(reader.TokenType == JsonTokenType.StartObject, $"the entry of tensor '{name}' is no object");
        string? type = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("dtype"u8))
            {
                Require(reader.Read() && reader.TokenType == JsonTokenType.String, $"the dtype of tensor '{name}' is no string");
                type = reader.GetString();
            }
            else if (reader.ValueTextEquals("shape"u8))
            {
                shape = ReadNumbers(ref reader, name, "shape");
            }
            else if (reader.ValueTextEquals("data_offsets"u8))
            {
                offsets = ReadNumbers(ref reader, name, "data_offsets");
            }
            else
            {
                throw Damaged($"the entry of tensor '{name}' has an unknown property");
            }
        }
        if (type is null || shape is null || offsets is not [long begin, long end])
        {
            throw Damaged($"the entry of tensor '{name}' lacks a dtype, a shape or two data_offsets");
        }
        string extents = $"tensor '{name}' {type} [{string.Join(", ", shape)}] does not fill bytes [{begin}, {end}) of {dataBytes}";
        Require(begin >= 0 && end >= begin && end <= dataBytes && end - begin <= Array.MaxLength && Array.TrueForAll(shape, extent => extent is >= 0 and <= int.MaxValue), extents);
        Require(ElementBytes(type) is not int size || TensorData.BytesOf(shape, size) == end - begin, extents);
        return new(type, shape, begin, end);
    }

    private long[] ReadNumbers(ref Utf8JsonReader reader, string name, string property)
    {
        Span<long> numbers = stackalloc long[MaximumRank];
        int count = 0;
        Require(reader.Read() && reader.TokenType == JsonTokenType.StartArray, $"{property} of tensor '{name}' is no array");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Require(count < MaximumRank, $"{property} of tensor '{name}' has more than {MaximumRank} numbers");
            Require(reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out numbers[count]), $"{property} of tensor '{name}' holds what is no whole number");
            count++;
        }
        return numbers[..count].ToArray();
    }

    /// <summary>Null for a type that is not known, whose size can't be checked.</summary>
    private static int? ElementBytes(string type) => type switch
    {
        "F64" or "I64" or "U64" => 8,
        "F32" or "I32" or "U32" => 4,
        "F16" or "BF16" or "I16" or "U16" => 2,
        "BOOL" or "I8" or "U8" or "F8_E4M3" or "F8_E5M2" => 1,
        _ => null,
    };

    private void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw Damaged(what);
        }
    }

    private InvalidDataException Damaged(string what) => new($"{path} is not a safetensors file this can read: {what}.");

    private readonly record struct Entry(string Type, long[] Shape, long Begin, long End);
}
