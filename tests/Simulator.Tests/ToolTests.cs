using SkipSoftmax.Conformance;

namespace SkipSoftmax.Simulation;

/// <summary>The tool, as a user calls it on a declaration of theirs.</summary>
public sealed class ToolTests : BackendSuite<SimulatorBackend>, IDisposable
{
    private const string Declaration = """
        public static partial class Mine
        {
            [SkipSoftmaxAttention(HeadDim = 64, Threshold = ThresholdMode.Fixed, Targets = GpuTargets.Sm90)]
            public static partial void Attend(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
        }
        """;

    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.cs");

    public void Dispose() => File.Delete(file);

    [SkippableFact]
    public void Declared_kernel_is_run_and_judged()
    {
        RequireAvailable();

        (int exitCode, string output, string errors) = Run(Declaration, "--cases", "2", "--lengths", "100x500", "--threshold", "0.5", "--seed", "3");

        Assert.Equal((0, ""), (exitCode, errors));
        Assert.StartsWith("Mine.Attend: sm90_prefill_bf16_d64_q64x64_causal_fixed_descending_w3_k128\n", output);
        Assert.Contains("seed 4", output);
        Assert.Contains("Q [", output);
        Assert.Contains("tiles visited", output);
        Assert.Contains("which is exactly what its decisions call for", output);
        Assert.EndsWith("  2 right, 0 wrong\n\n", output);
    }

    [SkippableFact]
    public void Given_tensors_are_run()
    {
        RequireAvailable();
        string tensors = Path.Combine(AppContext.BaseDirectory, "data", "tech-layer22-kv0-4k.safetensors");

        (int exitCode, string output, _) = Run(Declaration, "--tensors", tensors, "--tokens", "600", "--threshold", "0.05");

        Assert.Equal(0, exitCode);
        // 3 heads of 10 query blocks: 1 + 2 + … + 10 tiles each.
        Assert.Contains("decisions: 165 tiles visited", output);
    }

    [SkippableFact]
    public void Error_of_the_kernel_is_reported_with_its_thread_and_line()
    {
        RequireAvailable();
        File.WriteAllText(file, Declaration);
        EmittedKernel kernel = Assert.Single(DeclarationSource.ReadKernels(file, Declaration));
        const string wait = "mbarrier_wait(&shared.query_full, feed.ring.count & 1);";
        EmittedKernel broken = kernel with { Text = kernel.Text.Replace(wait, "/* nobody waits for Q */", StringComparison.Ordinal) };
        Assert.NotEqual(kernel.Text, broken.Text);
        StringWriter output = new() { NewLine = "\n" };

        bool good = CheckCommand.Run(broken, [RandomCases.Create(0, Capabilities, new() { Specification = kernel.Specification })], output);

        Assert.False(good);
        Assert.Matches(@"ERROR of the machine's rules: .*CTA 0, thread \d+, line \d+", output.ToString());
        Assert.Matches(@"\n    >  *\d+ .*(shared_shared|issue_logits)\(", output.ToString());
        Assert.EndsWith("  0 right, 1 wrong\n\n", output.ToString());
    }

    [SkippableTheory]
    [InlineData("class None;", "declares no method with [SkipSoftmaxAttention]")]
    [InlineData("static partial class Cpu { [SkipSoftmaxAttention(HeadDim = 64, Targets = GpuTargets.None)] public static partial void F("
        + "AttentionContext c, in AttentionInputs i, AttentionOutput o, SkipThreshold t); }", "add Targets = GpuTargets.Sm90")]
    [InlineData("static partial class Bad { [SkipSoftmaxAttention(HeadDim = 77)] public static partial void F("
        + "AttentionContext c, in AttentionInputs i, AttentionOutput o, SkipThreshold t); }", "error SSG008: HeadDim = 77")]
    public void What_cannot_be_run_is_refused_with_the_reason(string source, string reason)
    {
        RequireAvailable();

        (int exitCode, string output, string errors) = Run(source);

        Assert.Equal((2, ""), (exitCode, output));
        Assert.Contains(reason, errors);
    }

    [Theory]
    [InlineData("--cases is 0: give a whole number from 1 on.", "--cases", "0")]
    [InlineData("--lengths is 5: give query rows and keys as 128x1024.", "--lengths", "5")]
    [InlineData("--threshold is NaN: give a finite number from 0 on.", "--threshold", "NaN")]
    [InlineData("--tensors is nowhere, where there is no file.", "--tensors", "nowhere")]
    [InlineData("--tokens 5 cuts a file of tensors: give --tensors, or --lengths for random problems.", "--tokens", "5")]
    [InlineData("--fast is no option of check: see the usage.", "--fast", "1")]
    [InlineData("--cases has no value.", "--cases")]
    public void Misuse_names_the_option_its_value_and_the_fix(string message, params string[] options)
    {
        (int exitCode, _, string errors) = Run(Declaration, options);

        Assert.Equal((2, message), (exitCode, errors.Trim()));
    }

    private (int ExitCode, string Output, string Errors) Run(string source, params string[] options)
    {
        File.WriteAllText(file, source);
        StringWriter output = new() { NewLine = "\n" };
        StringWriter errors = new() { NewLine = "\n" };
        return (Program.Run(["check", file, .. options], output, errors), output.ToString(), errors.ToString());
    }
}
