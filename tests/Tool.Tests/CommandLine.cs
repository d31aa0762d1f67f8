using System.Text.Json;

namespace SkipSoftmax.Tool.Tests;

/// <summary>The tool in this process: what a command line answers.</summary>
internal sealed record CommandLine(int ExitCode, string Output, string Errors)
{
    public static CommandLine Run(params string[] words)
    {
        StringWriter output = new(), errors = new();
        int exitCode = Program.Run(words, output, errors);
        return new(exitCode, output.ToString(), errors.ToString());
    }

    /// <summary>The answer with <c>--json</c>; fails unless the whole output is one document and the command ended so.</summary>
    public static JsonElement Answer(int exitCode, params string[] words)
    {
        CommandLine line = Run([.. words, "--json"]);
        Assert.True(line.ExitCode == exitCode, $"exit code {line.ExitCode}: {line.Output}{line.Errors}");
        using JsonDocument document = JsonDocument.Parse(line.Output);
        return document.RootElement.Clone();
    }
}
