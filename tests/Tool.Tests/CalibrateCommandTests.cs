using System.Text.Json;
using SkipSoftmax.Tool.Calibration;

namespace SkipSoftmax.Tool.Tests;

/// <summary><c>calibrate</c>: the fit, and what is held out of it.</summary>
public sealed class CalibrateCommandTests : IDisposable
{
    private readonly UserFiles files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void Curves_of_the_formula_give_their_coefficients_back()
    {
        SparsityCalibration truth = new(7.93, 8.61);
        SparsityCurve[] curves = [.. new[] { 1024, 4096 }.Select(tokens => new SparsityCurve(
            "made", tokens, [.. Enumerable.Range(0, 41).Select(step => step / 40.0).Select(sparsity => (Math.Log(truth.A) + (truth.B * sparsity), sparsity))]))];

        SparsityCalibration fitted = ThresholdFit.Fit(curves)!.Value;

        Assert.Equal(truth.A, fitted.A, 1e-9);
        Assert.Equal(truth.B, fitted.B, 1e-9);
        FormulaLimit limit = FormulaLimit.Of("made", curves, 0.5);
        Assert.Equal(0, limit.WorstOff, 0.001);
        Assert.Equal(-1, limit.LengthExponent!.Value, 1e-9);
    }

    [Fact]
    public void Curve_that_skips_nothing_can_not_be_fitted() =>
        Assert.Null(ThresholdFit.Fit([new SparsityCurve("made", 1024, [(0, 0), (1, 0.01), (2, 0.02)])]));

    [Theory]
    [InlineData("Prefill")]
    [InlineData("Decode")]
    public void File_is_held_out_of_the_fit_it_is_checked_with(string phase)
    {
        string[] common = ["--phase", phase, "--lengths", "512", "1024", "--tolerance", "1"];
        JsonElement both = Phase(0, [RealTensors.PathOf(RealTensors.Code), RealTensors.PathOf(RealTensors.Layer22), .. common]);
        JsonElement other = Phase(0, [RealTensors.PathOf(RealTensors.Layer22), .. common]);

        (double a, double b) = (Number(other.GetProperty("calibration"), "a"), Number(other.GetProperty("calibration"), "b"));
        JsonElement[] held = [.. both.GetProperty("checks").EnumerateArray().Where(check => check.GetProperty("tensors").GetString() == RealTensors.Code)];
        Assert.Equal([512, 1024], held.Select(check => check.GetProperty("tokens").GetInt32()));
        Assert.All(held, check => Assert.Equal(a * Math.Exp(b * 0.5), Number(check, "factor"), 1e-9 * Number(check, "factor")));
    }

    /// <summary>What the measured curve says of a factor is what a run with that factor skips: the coefficients of the file itself, at the factor that hits.</summary>
    [Theory]
    [InlineData("Prefill", "Descending")]
    [InlineData("Prefill", "Ascending")]
    [InlineData("Prefill", "SinkFirst")]
    [InlineData("Decode", "Descending")]
    public void Factor_that_hits_the_target_hits_it(string phase, string order)
    {
        string[] words = [RealTensors.PathOf(RealTensors.Layer22), "--phase", phase, "--order", order, "--lengths", "1024", "2048", "--tolerance", "1", "--target", "0.4"];
        foreach (JsonElement check in Phase(0, words).GetProperty("checks").EnumerateArray())
        {
            string tokens = $"{check.GetProperty("tokens").GetInt32()}";
            string config = files.At("config.json");
            SparsityCalibration hit = new(Number(check, "factorNeeded"), 0);
            SparseAttentionConfig.Write(config, new(hit, hit), 0.4, null);

            JsonElement run = Phase(0, [words[0], "--phase", phase, "--order", order, "--lengths", tokens, "--check", config, "--target", "0.4", "--tolerance", "0.02"]);

            Assert.Equal(0.4, Number(Assert.Single(run.GetProperty("checks").EnumerateArray()), "achieved"), 0.02);
        }
    }

    /// <summary>On these layers the formula can't hold, whatever its coefficients, and the tool says so instead of a calibration that looks good.</summary>
    [Fact]
    public void Calibration_that_does_not_hold_is_a_failure_that_says_by_how_much_and_why()
    {
        CommandLine line = CommandLine.Run(
            "calibrate", RealTensors.PathOf(RealTensors.Code), RealTensors.PathOf(RealTensors.Layer14), RealTensors.PathOf(RealTensors.Layer22), "--phase", "Prefill", "--config", files.At("config.json"));

        Assert.Equal(1, line.ExitCode);
        Assert.Contains("checks are off by more than 5 points", line.Output);
        Assert.Contains("all of them", line.Output);
        ModelCalibration written = SparseAttentionConfig.Read(files.At("config.json"));
        Assert.True(written.Prefill is { A: > 0, B: > 0 });
        Assert.Null(written.Decode);
    }

    [Theory]
    [InlineData("--target 1", "--target is 1")]
    [InlineData("--tile 64x64 64x128", "one tile size")]
    [InlineData("--lengths 1000", "multiples of the query block")]
    [InlineData("--lengths 5000", "4096 tokens")]
    [InlineData("--lengths 0", "--lengths has 0")]
    [InlineData("--check no-such.json", "no-such.json")]
    public void Options_that_can_not_be_are_misuse(string options, string reason) =>
        Assert.Contains(reason, CommandLine.Answer(2, ["calibrate", RealTensors.PathOf(RealTensors.Code), "--phase", "Prefill", .. options.Split(' ')]).GetProperty("error").GetString());

    [Fact]
    public void Coefficients_of_the_other_phase_only_are_misuse()
    {
        SparseAttentionConfig.Write(files.At("config.json"), new(null, new(1, 2)), 0.5, null);

        string error = CommandLine.Answer(2, "calibrate", RealTensors.PathOf(RealTensors.Code), "--phase", "Prefill", "--check", files.At("config.json")).GetProperty("error").GetString()!;

        Assert.Contains("no coefficients for Prefill", error);
    }

    private static JsonElement Phase(int exitCode, params string[] words) => Assert.Single(CommandLine.Answer(exitCode, ["calibrate", .. words]).GetProperty("phases").EnumerateArray());

    private static double Number(JsonElement element, string name) => element.GetProperty(name).GetDouble();
}
