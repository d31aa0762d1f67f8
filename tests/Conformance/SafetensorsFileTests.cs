using System.Buffers.Binary;
using System.Text;
using SkipSoftmax.Samples;

namespace SkipSoftmax.Conformance;

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
        (int[] shape, Half[] elements) = Open(file).ReadFloat16("t");
        Assert.Equal([2, 3], shape);
        Assert.Equal([Half.Zero, Half.Zero, Half.Zero, Half.Zero, Half.Zero, (Half)1.5f], elements);
    }

    [Fact]
    public void File_cut_anywhere_is_refused()
    {
        byte[] file = Serialize(Header, dataLength: 12);
        for (int length = 0; length < file.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => Open(file[..length]).ReadFloat16("t"));
        }
    }

    [Theory]
    [InlineData("""[]""")]
    [InlineData("""{"t":""")]
    [InlineData("""{}""")]
    [InlineData("""{"t":3}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":[2,3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,14]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[1,13]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2,3],"data_offsets":[-12,0]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[-2,-3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,12]}}""")]
    [InlineData("""{"t":{"dtype":"F16","shape":"2,3","data_offsets":[0,12]}}""")]
    public void Malformed_header_is_refused(string header)
    {
        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => Open(Serialize(header, dataLength: 12)).ReadFloat16("t"));
        Assert.Contains(path, refusal.Message);
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
