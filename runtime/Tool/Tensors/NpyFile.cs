using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace SkipSoftmax.Tensors;

/// <summary>Reads an array that NumPy saved (.npy, versions 1 to 3): magic, version, header length, a Python dictionary, the elements.</summary>
public static partial class NpyFile
{
    /// <summary>NumPy's own are under 200 bytes.</summary>
    private const int MaximumHeaderBytes = 1 << 16;

    private static ReadOnlySpan<byte> Magic => new byte[] { 0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y' };

    /// <summary>The array of a file.</summary>
    /// <exception cref="InvalidDataException">It is no such file, its header lies, or its elements are of another type or order than this reads.</exception>
    public static TensorData Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        try
        {
            return Read(file);
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"{path} is not a .npy file this can read: {exception.Message}.");
        }
        catch (EndOfStreamException)
        {
            throw new InvalidDataException($"{path} is not a .npy file this can read: it ends within its header.");
        }
    }

    private static TensorData Read(FileStream file)
    {
        Span<byte> start = stackalloc byte[12];
        file.ReadExactly(start[..8]);
        Require(start[..6].SequenceEqual(Magic), "it does not begin with NumPy's magic");
        Require(start[6] is 1 or 2 or 3, $"its format's version is {start[6]}, not 1, 2 or 3");
        int lengthBytes = start[6] == 1 ? sizeof(ushort) : sizeof(uint);
        file.ReadExactly(start.Slice(8, lengthBytes));
        uint headerBytes = lengthBytes == sizeof(ushort) ? BinaryPrimitives.ReadUInt16LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        Require(headerBytes <= Math.Min(MaximumHeaderBytes, file.Length - file.Position), $"the header's length, {headerBytes}, is past the end of the file, or more than {MaximumHeaderBytes}");
        byte[] bytes = new byte[headerBytes];
        file.ReadExactly(bytes);
        string header = Encoding.Latin1.GetString(bytes);

        Match description = Description().Match(header), order = FortranOrder().Match(header), extents = Shape().Match(header);
        Require(description.Success && order.Success && extents.Success, "its header lacks descr, fortran_order or shape");
        Require(order.Groups[1].Value == "False", "it is in Fortran order: save np.ascontiguousarray of it");
        (ElementType element, int elementBytes) = description.Groups[1].Value switch
        {
            "<f2" => (ElementType.Float16, 2),
            "<f4" => (ElementType.Float32, 4),
            string other => throw new InvalidDataException($"its elements are '{other}', not '<f2' (float16) or '<f4' (float32)"),
        };
        string[] numbers = extents.Groups[1].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        long[] shape = new long[numbers.Length];
        for (int index = 0; index < shape.Length; index++)
        {
            Require(long.TryParse(numbers[index], NumberStyles.None, CultureInfo.InvariantCulture, out shape[index]) && shape[index] <= int.MaxValue, $"its shape holds '{numbers[index]}'");
        }
        long data = file.Length - file.Position;
        Require(data <= Array.MaxLength && TensorData.BytesOf(shape, elementBytes) == data, $"its {data} bytes of elements are not what shape ({extents.Groups[1].Value}) of {elementBytes}-byte elements takes");
        byte[] elements = new byte[data];
        file.ReadExactly(elements);
        return new(element, [.. shape.Select(extent => (int)extent)], elements);
    }

    private static void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidDataException(what);
        }
    }

    [GeneratedRegex(@"'descr'\s*:\s*'([^']*)'")]
    private static partial Regex Description();

    [GeneratedRegex(@"'fortran_order'\s*:\s*(True|False)")]
    private static partial Regex FortranOrder();

    [GeneratedRegex(@"'shape'\s*:\s*\(([^)]*)\)")]
    private static partial Regex Shape();
}
