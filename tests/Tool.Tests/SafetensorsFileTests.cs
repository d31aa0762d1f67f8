using System.Buffers.Binary;
using System.Text;
using SkipSoftmax.Tensors;

namespace SkipSoftmax.Tool.Tests;

/// <summary>A damaged file is refused with a reason, never read past its end.</summary>
public sealed class SafetensorsFileTests : IDisposable
{
    private const string Header = """{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}}""";

    private readonly string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => File.Delete(path);

    [Fact]
    public void Tensor_is_read_with_its_shape()
    {
        byte[] file = Serialize(Header, dataLength: 12);
        BinaryPrimitives.WriteHalfLittleEndian(file.AsSpan(^2), (Half)1.5f);
        TensorData tensor = Open(file).Read("t");
        Assert.Equal([2, 3], tensor.Shape);
        Assert.Equal(ElementType.Float16, tensor.Element);
        Assert.Equal([Half.Zero, Half.Zero, Half.Zero, Half.Zero, Half.Zero, (Half)1.5f], tensor.Elements<Half>().ToArray());
    }

    [Fact]
    public void File_cut_anywhere_is_refused()
    {
        byte[] file = Serialize(Header, dataLength: 12);
        for (int length = 0; length < file.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => Open(file[..length]).Read("t"));
        }
    }

    [Theory]
    [InlineData("""[]""")]
    [InlineData("""{"t":""")]
    [InlineData("""{}""")]
    [InlineData("""{"t":3}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":[2,3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":"I16","shape":[2,3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":"X16","shape":[2,3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":16,"shape":[2,3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[12,0]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12,13]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3.5],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,9223372036854775807]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[1,1,1,1,1,1,1,2,3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12],"more":1}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}} x""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},"t":{"dtype":"F16","shape":[0],"data_offsets":[12,12]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},"u":{"dtype":"F16","shape":[1],"data_offsets":[10,12]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},"u":{"dtype":"F16","shape":[2],"data_offsets":[10,14]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,14]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[1,13]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[-12,0]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[-2,-3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":"2,3","data_offsets":[0,12]}}""")]
    public void Malformed_header_is_refused(string header)
    {
        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => Open(Serialize(header, dataLength: 12)).Read("t"));
        Assert.Contains(path, refusal.Message);
    }

    [Fact]
    public void Missing_tensor_is_refused_with_the_names_of_those_that_are_there()
    {
        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => Open(Serialize(Header, dataLength: 12)).Read("query"));
        Assert.Contains("'query' is missing: it has t", refusal.Message);
    }

    [Fact]
    public void Metadata_and_tensors_of_other_types_are_passed_over()
    {
        const string header = """{"__metadata__":{"a":{"b":[1,{}]}},"s":{"dtype":"F4","shape":[3],"data_offsets":[0,2]},"t":{"dtype":"BF16","shape":[5],"data_offsets":[2,12]}}  """;
        TensorData tensor = Open(Serialize(header, dataLength: 12)).Read("t");
        Assert.Equal((ElementType.BFloat16, 10), (tensor.Element, tensor.Bytes.Length));
    }

    private SafetensorsFile Open(byte[] file)
    {
        File.WriteAllBytes(path, file);
        return SafetensorsFile.Open(path);
    }

    private static byte[] Serialize(string header, int dataLength)
    {
        byte[] file = new byte[sizeof(ulong) + Encoding.UTF8.GetByteCount(header) + dataLength];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)Encoding.UTF8.GetByteCount(header));
        Encoding.UTF8.GetBytes(header, file.AsSpan(sizeof(ulong)));
        return file;
    }
}
