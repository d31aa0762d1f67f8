using System.Diagnostics;

namespace SkipSoftmax.Tests;

/// <summary>Other processes that tests start.</summary>
internal static class Child
{
    /// <summary>Starts <see cref="Program"/>.</summary>
    public static Process Start(string folder, string mode, int rounds)
    {
        string host = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";
        return Process.Start(new ProcessStartInfo(host, [typeof(Program).Assembly.Location, folder, mode, $"{rounds}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    /// <summary>Waits for an end without failures.</summary>
    public static void RequireSuccess(Process child)
    {
        string errors = child.StandardError.ReadToEnd();
        child.WaitForExit();
        Assert.True(child.ExitCode == 0, errors);
    }

    /// <summary>Runs a program to its end.</summary>
    public static int Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }
}
