using System.Diagnostics;
using System.Text;

namespace SkipSoftmax.Packaging;

/// <summary>Runs a program to its end, and keeps what it printed.</summary>
internal static class Command
{
    /// <summary>A <c>dotnet</c> command that needs no other process after it: what it prints ends with it.</summary>
    public static string Dotnet(string folder, params string[] arguments) => Run(folder, "dotnet", [.. arguments, "-m:1", "-nodeReuse:false", "-nologo"]);

    /// <exception cref="CommandException">It ended with an error.</exception>
    public static string Run(string folder, string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What `dotnet test` sets for the processes below it is not for another build.
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(name);
        }
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        StringBuilder printed = new();
        DataReceivedEventHandler keep = (_, line) =>
        {
            lock (printed)
            {
                printed.AppendLine(line.Data);
            }
        };
        process.OutputDataReceived += keep;
        process.ErrorDataReceived += keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.WaitForExit();
        return process.ExitCode == 0 ? printed.ToString() : throw new CommandException($"{program} {string.Join(" ", arguments)} ended with {process.ExitCode}:\n{printed}");
    }
}

internal sealed class CommandException(string message) : Exception(message);
