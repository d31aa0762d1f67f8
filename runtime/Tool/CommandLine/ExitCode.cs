namespace SkipSoftmax.Tool.CommandLine;

/// <summary>What the process ends with: part of the tool's contract, docs/tool.md.</summary>
internal static class ExitCode
{
    /// <summary>Done, and nothing was found wrong.</summary>
    public const int Success = 0;

    /// <summary>Done, and something was found wrong, which the answer names: a damaged entry, a refused kernel, a calibration that does not hold.</summary>
    public const int Failed = 1;

    /// <summary>Not done: the command line or a file it names is wrong.</summary>
    public const int Misused = 2;

    /// <summary>Not done: this machine lacks something the command needs.</summary>
    public const int Missing = 3;
}

/// <summary>A command can't be carried out; the message says why and what to do.</summary>
internal sealed class ToolException(int exitCode, string message) : Exception(message)
{
    /// <summary>One of <see cref="CommandLine.ExitCode"/>.</summary>
    public int ExitCode => exitCode;
}
