using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SkipSoftmax.Samples;

/// <summary>Reads the float16 tensors of a safetensors file: 8 bytes of header length, a JSON header, the tensors' bytes.</summary>
public sealed class SafetensorsFile
{
    private readonly string path;
    private readonly byte[] bytes;
    private readonly int dataStart;
    private readonly JsonElement header;

    private SafetensorsFile(string path, byte[] bytes)
    {
        this.path = path;
        this.bytes = bytes;
        if (bytes.Length < sizeof(ulong))
        {
            throw Damaged($"it has {bytes.Length} bytes, fewer than the header's length takes");
        }
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        if (headerLength > (ulong)(bytes.Length - sizeof(ulong)))
        {
            throw Damaged($"the header's length, {headerLength}, is past the end of the file");
        }
        dataStart = sizeof(ulong) + (int)headerLength;
        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes.AsMemory(sizeof(ulong), (int)headerLength));
            header = document.RootElement.Clone();
        }
        catch (JsonException exception)
        {
            throw Damaged($"its header is no JSON: {exception.Message}");
        }
        if (header.ValueKind != JsonValueKind.Object)
        {
            throw Damaged("its header is no JSON object");
        }
    }

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="InvalidDataException">It is no safetensors file.</exception>
    public static SafetensorsFile Open(string path) => new(path, File.ReadAllBytes(path));

    /// <summary>A tensor's extents and its elements in row-major order.</summary>
    /// <exception cref="InvalidDataException">The file holds no such float16 tensor, or its extents and bytes disagree.</exception>
    public (int[] Shape, Half[] Elements) ReadFloat16(string name)
    {
        try
        {
            JsonElement entry = header.GetProperty(name);
            if (entry.GetProperty("dtype").GetString() != "F16")
            {
                throw Damaged($"tensor '{name}' is of type {entry.GetProperty("dtype")}, not F16");
            }
            int[] shape = [.. entry.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt32())];
            long[] offsets = [.. entry.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64())];
            long length = shape.Aggregate(1L, (product, extent) => checked(product * extent));
            if (shape.Any(extent => extent < 0) || offsets.Length != 2 || offsets[0] < 0 || offsets[1] > bytes.Length - dataStart
                || offsets[1] - offsets[0] != checked(length * sizeof(ushort)))
            {
                throw Damaged($"tensor '{name}' [{string.Join(", ", shape)}] does not fill bytes [{string.Join(", ", offsets)}) of {bytes.Length - dataStart}");
            }
            return (shape, MemoryMarshal.Cast<byte, Half>(bytes.AsSpan((int)(dataStart + offsets[0]), (int)(offsets[1] - offsets[0]))).ToArray());
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException or FormatException or OverflowException)
        {
            throw Damaged($"tensor '{name}' is missing or its entry is malformed: {exception.Message}");
        }
    }

    private InvalidDataException Damaged(string what) => new($"{path} is not a safetensors file this can read: {what}.");
}
