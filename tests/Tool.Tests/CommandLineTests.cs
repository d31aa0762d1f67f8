using System.Text.Json;

namespace SkipSoftmax.Tool.Tests;

/// <summary>What every command line keeps: exit codes, JSON on request, no stack traces.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly UserFiles files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData]
    [InlineData("bogus")]
    [InlineData("list")]
    [InlineData("compile", "x.dll")]
    [InlineData("cache")]
    [InlineData("list", "no-such-file.dll")]
    [InlineData("list", "no-such-folder/")]
    public void Misuse_is_exit_code_2_with_the_reason(params string[] words)
    {
        CommandLine line = CommandLine.Run(words);

        Assert.Equal(2, line.ExitCode);
        Assert.NotEqual("", line.Errors);
        Assert.DoesNotContain("   at ", line.Errors);
        Assert.NotEqual("", CommandLine.Answer(2, words).GetProperty("error").GetString());
    }

    [Fact]
    public void Doctor_finds_the_cpu_path_and_says_what_is_missing_and_what_to_do()
    {
        JsonElement[] findings = [.. CommandLine.Answer(0, "doctor", "--nvrtc", files.Folder, "--folder", files.At("cache")).EnumerateArray()];

        Assert.Contains(findings, finding => finding.GetProperty("name").GetString() == "CPU path" && finding.GetProperty("state").GetString() == "Found");
        JsonElement compiler = findings.Single(finding => finding.GetProperty("name").GetString() == "NVRTC");
        Assert.Equal("Missing", compiler.GetProperty("state").GetString());
        Assert.Contains(files.Folder, compiler.GetProperty("what").GetString());
        Assert.Contains("skip-softmax compile", compiler.GetProperty("toDo").GetString());
    }

    [Fact]
    public void Doctor_calls_a_cache_folder_that_is_a_file_broken()
    {
        string file = files.Write("cache", "");

        CommandLine line = CommandLine.Run("doctor", "--folder", file);

        Assert.Equal(1, line.ExitCode);
        Assert.Contains("broken   Cache", line.Output);
    }
}
