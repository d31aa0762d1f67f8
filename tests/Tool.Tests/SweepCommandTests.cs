using System.Buffers.Binary;
using System.Text.Json;

namespace SkipSoftmax.Tool.Tests;

/// <summary><c>sweep</c> on real tensors, against figures that an independent implementation published.</summary>
public sealed class SweepCommandTests : IDisposable
{
    private readonly UserFiles files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData(RealTensors.Code, "Ascending", "64x64", 0.01, 0.0811, 0.00182)]
    [InlineData(RealTensors.Code, "Descending", "64x64", 0.05, 0.3329, 0.01568)]
    [InlineData(RealTensors.Code, "SinkFirst", "64x128", 0.05, 0.1831, 0.01122)]
    [InlineData(RealTensors.Layer22, "Ascending", "64x128", 0.01, 0.3513, 0.00773)]
    [InlineData(RealTensors.Layer22, "Descending", "64x64", 0.01, 0.2777, 0.00458)]
    [InlineData(RealTensors.Layer22, "SinkFirst", "64x64", 0.05, 0.7894, 0.04354)]
    public void Sparsity_and_error_are_the_published_ones(string tensors, string order, string tile, double lambda, double sparsity, double error)
    {
        JsonElement point = Assert.Single(Sweep(RealTensors.PathOf(tensors), "--order", order, "--tile", tile, "--lambda", $"{lambda}"));

        Assert.Equal(sparsity, point.GetProperty("sparsity").GetDouble(), 0.001);
        Assert.InRange(point.GetProperty("error").GetDouble(), 0.95 * error, 1.05 * error);
        Assert.Equal(3, point.GetProperty("sparsityByHead").GetArrayLength());
    }

    [Fact]
    public void Decode_steps_skip_what_an_independent_implementation_of_the_rule_does()
    {
        JsonElement point = Assert.Single(Sweep(RealTensors.PathOf(RealTensors.Code), "--phase", "Decode", "--tile", "64x64", "--lambda", "0.01"));

        Assert.Equal(0.449, point.GetProperty("sparsity").GetDouble(), 0.001);
        Assert.InRange(point.GetProperty("error").GetDouble(), 0.95 * 0.0165, 1.05 * 0.0165);
    }

    [Fact]
    public void Every_order_tile_and_lambda_is_run_and_the_largest_lambda_skips_most()
    {
        JsonElement[] points = Sweep(RealTensors.PathOf(RealTensors.Layer22), "--tokens", "1024", "--lambda", "0.1", "0.001");

        Assert.Equal(3 * 3 * 2, points.Length);
        Assert.All(points.Chunk(2), pair =>
        {
            Assert.True(pair[0].GetProperty("lambda").GetDouble() < pair[1].GetProperty("lambda").GetDouble());
            Assert.True(pair[0].GetProperty("sparsity").GetDouble() < pair[1].GetProperty("sparsity").GetDouble());
        });
    }

    [Fact]
    public void Npy_files_heads_first_and_in_single_precision_decide_alike()
    {
        const int tokens = 512;
        string[] common = ["--order", "Descending", "--tile", "64x64", "--lambda", "0.05"];
        double expected = SparsityOf([RealTensors.PathOf(RealTensors.Layer14), "--tokens", $"{tokens}", .. common]);

        Assert.Equal(expected, SparsityOf([RealTensors.SaveAsNpy(files.At("npy"), RealTensors.Layer14, tokens, headsFirst: false, single: false), .. common]));
        Assert.Equal(expected, SparsityOf([RealTensors.SaveAsNpy(files.At("heads"), RealTensors.Layer14, tokens, headsFirst: true, single: false), "--heads-first", .. common]));
        Assert.Equal(expected, SparsityOf([RealTensors.SaveAsNpy(files.At("single"), RealTensors.Layer14, tokens, headsFirst: false, single: true), .. common]), 0.01);
        double decode = SparsityOf([RealTensors.PathOf(RealTensors.Layer14), "--tokens", $"{tokens}", "--phase", "Decode", .. common]);
        Assert.Equal(decode, SparsityOf([files.At("heads"), "--heads-first", "--phase", "Decode", .. common]));

        static double SparsityOf(string[] words) => Assert.Single(Sweep(words)).GetProperty("sparsity").GetDouble();
    }

    [Fact]
    public void Curve_and_pictures_are_drawn()
    {
        string curve = files.At("curve.png"), pictures = files.At("pictures");
        Sweep(RealTensors.PathOf(RealTensors.Code), "--tokens", "512", "--order", "Descending", "--tile", "64x128", "--lambda", "0.01", "0.1", "--curve", curve, "--pictures", pictures, "--heads", "2");

        Assert.Equal((1200, 800), SizeOf(curve));
        string picture = Assert.Single(Directory.GetFiles(pictures));
        Assert.Equal($"{RealTensors.Code}-descending-64x128.png", Path.GetFileName(picture));
        // One head of 4 key blocks, two λ of 8 query blocks: 5 pixels a tile, 16 around each panel.
        Assert.Equal((52, 128), SizeOf(picture));
    }

    [Theory]
    [InlineData("--heads 3 --pictures x", "heads 0 to 2")]
    [InlineData("--tokens 5000", "has 4096")]
    [InlineData("--tile 64", "64x128")]
    [InlineData("--tile 32x64", "QueryBlock")]
    [InlineData("--lambda -1", "skip threshold")]
    [InlineData("--rounds 0", "--rounds")]
    [InlineData("--targets Sm9", "Sm9")]
    public void Options_that_can_not_be_are_misuse(string options, string reason)
    {
        string error = CommandLine.Answer(2, ["sweep", RealTensors.PathOf(RealTensors.Code), "--lambda", "0.1", "--order", "Descending", .. options.Split(' ')]).GetProperty("error").GetString()!;

        Assert.Contains(reason, error);
    }

    [Fact]
    public void Tensors_that_do_not_belong_together_are_misuse()
    {
        string folder = RealTensors.SaveAsNpy(files.At("npy"), RealTensors.Code, 256, headsFirst: false, single: false);
        RealTensors.SaveAsNpy(files.At("longer"), RealTensors.Code, 320, headsFirst: false, single: false);
        File.Copy(Path.Combine(files.At("longer"), "value.npy"), Path.Combine(folder, "value.npy"), overwrite: true);

        string error = CommandLine.Answer(2, "sweep", folder).GetProperty("error").GetString()!;

        Assert.Contains("value Float16 [320, 1, 64]", error);
        File.Delete(Path.Combine(folder, "value.npy"));
        Assert.Contains("value.npy", CommandLine.Answer(2, "sweep", folder).GetProperty("error").GetString());
    }

    private static JsonElement[] Sweep(params string[] words) =>
        [.. CommandLine.Answer(0, ["sweep", .. words, "--rounds", "1"]).GetProperty("points").EnumerateArray()];

    private static (int Width, int Height) SizeOf(string png)
    {
        byte[] bytes = File.ReadAllBytes(png);
        Assert.Equal([0x89, .. "PNG"u8], bytes[..4]);
        return (BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(20)));
    }
}
