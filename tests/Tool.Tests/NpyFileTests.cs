using System.Buffers.Binary;
using System.Text;
using SkipSoftmax.Tensors;

namespace SkipSoftmax.Tool.Tests;

/// <summary>Arrays that NumPy saved.</summary>
public sealed class NpyFileTests : IDisposable
{
    private readonly string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => File.Delete(path);

    [Theory]
    [InlineData("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }", ElementType.Float16, new[] { 2, 3 }, 12)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", ElementType.Float32, new[] { 3 }, 12)]
    [InlineData("{'shape': (2, 0), 'fortran_order': False, 'descr': '<f4'}", ElementType.Float32, new[] { 2, 0 }, 0)]
    public void Array_is_read_with_its_shape(string header, ElementType element, int[] shape, int bytes)
    {
        byte[] file = Serialize(header, bytes);
        for (int index = 1; index <= bytes; index++)
        {
            file[^index] = (byte)index;
        }

        TensorData tensor = Read(file);

        Assert.Equal(element, tensor.Element);
        Assert.Equal(shape, tensor.Shape);
        Assert.Equal(file[^bytes..], tensor.Bytes);
    }

    [Fact]
    public void Version_2_has_a_longer_length()
    {
        byte[] header = Encoding.ASCII.GetBytes("{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }\n");
        byte[] file = [0x93, .. "NUMPY"u8, 2, 0, .. BitConverter.GetBytes(header.Length), .. header, 1, 2];

        Assert.Equal([1, 2], Read(file).Bytes);
    }

    [Fact]
    public void File_cut_anywhere_is_refused()
    {
        byte[] file = Serialize("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }", 12);
        for (int length = 0; length < file.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => Read(file[..length]));
        }
    }

    [Theory]
    [InlineData("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", "'<f8'")]
    [InlineData("{'descr': '>f2', 'fortran_order': False, 'shape': (2, 3), }", "'>f2'")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", "'|O'")]
    [InlineData("{'descr': '<f2', 'fortran_order': True, 'shape': (2, 3), }", "ascontiguousarray")]
    [InlineData("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 4), }", "(2, 4)")]
    [InlineData("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 2), }", "(2, 2)")]
    [InlineData("{'descr': '<f2', 'fortran_order': False, 'shape': (-2, -3), }", "'-2'")]
    [InlineData("{'descr': '<f2', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "'4294967296'")]
    [InlineData("{'descr': '<f2', 'fortran_order': False, 'shape': (2147483647, 2147483647, 2147483647), }", "2147483647")]
    [InlineData("{'descr': [('a', '<f2')], 'fortran_order': False, 'shape': (2, 3), }", "descr")]
    public void Header_that_lies_or_is_of_another_kind_is_refused(string header, string named)
    {
        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => Read(Serialize(header, 12)));
        Assert.StartsWith(path, refusal.Message);
        Assert.Contains(named, refusal.Message);
    }

    internal static byte[] Serialize(string header, int dataBytes)
    {
        byte[] text = Encoding.ASCII.GetBytes(header + "\n");
        byte[] file = [0x93, .. "NUMPY"u8, 1, 0, 0, 0, .. text, .. new byte[dataBytes]];
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(8), (ushort)text.Length);
        return file;
    }

    private TensorData Read(byte[] file)
    {
        File.WriteAllBytes(path, file);
        return NpyFile.Read(path);
    }
}
