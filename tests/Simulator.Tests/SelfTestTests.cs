using System.Diagnostics;
using SkipSoftmax.Generator.Tests;
using Xunit.Abstractions;

namespace SkipSoftmax.Simulation;

/// <summary>The simulator's own tests, in C++: what each instruction computes, and that every misuse of it is an error.</summary>
public sealed class SelfTestTests(ITestOutputHelper output) : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("skip-softmax-self-test-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [SkippableFact]
    public void Instructions_compute_what_the_isa_says_and_their_misuse_is_caught()
    {
        Skip.IfNot(HostCompiler.Unavailable is null, HostCompiler.Unavailable);
        string sources = Path.Combine(RepositoryFiles.Root, "tests", "Simulator");
        string program = Path.Combine(folder, "self_test");
        string[] files = [.. Directory.GetFiles(Path.Combine(sources, "self_test"), "*.cpp").Where(file => Path.GetFileName(file) != "test_kernel.cpp")];

        Assert.Equal(0, Run("g++", ["-std=c++20", "-O1", .. files, "-o", program, "-ldl"]));
        int failures = Run(program, [sources, Path.Combine(folder, "build"), $"{Environment.TickCount}"]);

        Assert.Equal(0, failures);
    }

    private int Run(string command, IEnumerable<string> arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true })!;
        output.WriteLine(process.StandardOutput.ReadToEnd());
        process.WaitForExit();
        return process.ExitCode;
    }
}
