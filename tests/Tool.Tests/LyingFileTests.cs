using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using SkipSoftmax.Tensors;
using Xunit.Abstractions;

namespace SkipSoftmax.Tool.Tests;

/// <summary>Files whose headers lie, at random: each is read as what it says where that is true, or refused; never an allocation larger than the file.</summary>
public sealed class LyingFileTests(ITestOutputHelper output) : IDisposable
{
    private const int Mutants = 10_000;

    /// <summary>Of the runtime for opening a file, of messages and exceptions: a lie about sizes allocates megabytes or more.</summary>
    private const int Overhead = 1 << 16;

    private static readonly string[] extremes =
    [
        "-1", "0", "1", "7", "255", "65536", "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e9", "1.5", "null",
    ];

    private readonly string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => File.Delete(path);

    [Fact]
    public void Safetensors_header_that_was_changed_at_random_is_true_or_refused()
    {
        const string header =
            """{"__metadata__":{"format":"pt"},"query":{"dtype":"F16","shape":[4,3,8],"data_offsets":[0,192]},"key":{"dtype":"F16","shape":[4,1,8],"data_offsets":[192,256]},"value":{"dtype":"F16","shape":[4,1,8],"data_offsets":[256,320]}}""";
        byte[] good = [.. new byte[sizeof(ulong)], .. Encoding.UTF8.GetBytes(header), .. new byte[320]];
        BinaryPrimitives.WriteUInt64LittleEndian(good, (ulong)header.Length);

        AssertTrueOrRefused(good, header.Length + sizeof(ulong), file => SafetensorsFile.Open(file).Read("key"));
    }

    [Fact]
    public void Npy_header_that_was_changed_at_random_is_true_or_refused()
    {
        byte[] good = NpyFileTests.Serialize("{'descr': '<f2', 'fortran_order': False, 'shape': (4, 3, 8), }", 192);

        AssertTrueOrRefused(good, good.Length - 192, NpyFile.Read);
    }

    [Fact]
    public void Header_of_millions_of_values_takes_no_allocation_larger_than_the_file()
    {
        StringBuilder header = new("{\"t\":{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[0,0]},\"__metadata__\":[");
        header.Insert(header.Length, "[],", 1_000_000).Append("0]}");
        byte[] text = Encoding.UTF8.GetBytes(header.ToString());
        byte[] file = [.. BitConverter.GetBytes((ulong)text.Length), .. text];
        File.WriteAllBytes(path, file);

        long before = GC.GetAllocatedBytesForCurrentThread();
        TensorData tensor = SafetensorsFile.Open(path).Read("t");

        Assert.Empty(tensor.Bytes);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, file.Length + Overhead);
    }

    private void AssertTrueOrRefused(byte[] good, int headerEnd, Func<string, TensorData> read)
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        File.WriteAllBytes(path, good);
        Assert.NotEmpty(read(path).Bytes); // and what is made once in a process is made
        int refused = 0;
        for (int mutant = 0; mutant < Mutants; mutant++)
        {
            byte[] file = Mutate(good, headerEnd, random);
            File.WriteAllBytes(path, file);
            long before = GC.GetAllocatedBytesForCurrentThread();
            TensorData? tensor = null;
            try
            {
                tensor = read(path);
            }
            catch (InvalidDataException exception)
            {
                Assert.StartsWith(path, exception.Message);
                refused++;
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, file.Length + Overhead);
            if (tensor is not null)
            {
                long elements = tensor.Shape.Aggregate(1L, (product, extent) => product * extent);
                Assert.Equal(tensor.Bytes.Length, elements * (tensor.Element == ElementType.Float32 ? 4 : 2));
                Assert.True(tensor.Bytes.Length <= file.Length);
            }
        }
        output.WriteLine($"{refused} of {Mutants} refused");
        Assert.InRange(refused, Mutants / 2, Mutants - 1);
    }

    [SuppressMessage("Security", "CA5394", Justification = "Random test data.")]
    private static byte[] Mutate(byte[] good, int headerEnd, Random random)
    {
        byte[] file = [.. good];
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            switch (random.Next(6))
            {
                case 0:
                    file[random.Next(Math.Min(headerEnd, file.Length))] = (byte)random.Next(256);
                    break;
                case 1:
                    file[random.Next(Math.Min(headerEnd, file.Length))] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    file = file[..random.Next(1, file.Length + 1)];
                    break;
                case 3:
                    file = ReplaceNumber(file, headerEnd, random);
                    break;
                case 4: // the length of the header, of either format
                    int at = random.Next(0, Math.Min(12, file.Length));
                    file[at] = (byte)random.Next(256);
                    break;
                default:
                    int from = random.Next(Math.Min(headerEnd, file.Length)), length = random.Next(1, 16);
                    file = [.. file[..from], .. file[Math.Max(0, from - length)..from], .. file[from..]];
                    break;
            }
        }
        return file;
    }

    /// <summary>A run of digits becomes an extreme; the header keeps its length where blanks at its end make up for it.</summary>
    [SuppressMessage("Security", "CA5394", Justification = "Random test data.")]
    private static byte[] ReplaceNumber(byte[] file, int headerEnd, Random random)
    {
        int[] starts = [.. Enumerable.Range(12, Math.Max(0, Math.Min(headerEnd, file.Length) - 12)).Where(index => char.IsAsciiDigit((char)file[index]) && !char.IsAsciiDigit((char)file[index - 1]))];
        if (starts.Length == 0)
        {
            return file;
        }
        int from = starts[random.Next(starts.Length)], to = from;
        while (to < file.Length && char.IsAsciiDigit((char)file[to]))
        {
            to++;
        }
        byte[] number = Encoding.ASCII.GetBytes(extremes[random.Next(extremes.Length)]);
        byte[] changed = [.. file[..from], .. number, .. file[to..]];
        if (file[0] != 0x93) // of safetensors
        {
            BinaryPrimitives.WriteUInt64LittleEndian(changed, (ulong)Math.Max(0, headerEnd - sizeof(ulong) + number.Length - (to - from)));
        }
        return changed;
    }
}
