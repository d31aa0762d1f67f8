using System.Diagnostics;
using System.Text.Json;

namespace SkipSoftmax.Tool.Tests;

/// <summary>The tool as its users get it: packed, installed from the package, run as a command.</summary>
public sealed class InstalledToolTests : IDisposable
{
    private readonly UserFiles files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void Tool_that_was_installed_from_its_package_runs()
    {
        // Built already, with these tests.
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        Run(0, "dotnet", "pack", Path.Combine(DocumentationPage.Root, "runtime", "Tool"), "--no-build", "--configuration", configuration, "--output", files.At("packages"), "-maxCpuCount:1", "-nodeReuse:false");
        Run(0, "dotnet", "tool", "install", "SkipSoftmax.Gen.Tool", "--tool-path", files.At("tools"), "--source", files.At("packages"), "--prerelease");
        string tool = Path.Combine(files.At("tools"), "skip-softmax");

        JsonElement declarations = Answer(0, "list", files.Source);
        JsonElement damaged = Answer(2, "list", files.Write("User.dll", "no assembly"));
        // Draws with native code of the package.
        Run(0, tool, "sweep", RealTensors.PathOf(RealTensors.Code), "--tokens", "256", "--order", "Descending", "--tile", "64x64", "--rounds", "1", "--curve", files.At("curve.png"));

        Assert.Equal(3, declarations.GetArrayLength());
        Assert.Equal(2, damaged.GetProperty("exitCode").GetInt32());
        Assert.Equal([0x89, .. "PNG"u8], File.ReadAllBytes(files.At("curve.png"))[..4]);

        JsonElement Answer(int exitCode, params string[] words)
        {
            using JsonDocument document = JsonDocument.Parse(Run(exitCode, tool, [.. words, "--json"]));
            return document.RootElement.Clone();
        }
    }

    private string Run(int exitCode, string program, params string[] words)
    {
        ProcessStartInfo start = new(program, words) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = files.Folder };
        // What `dotnet test` sets for the processes below it is not for another build.
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(name);
        }
        start.Environment["NUGET_PACKAGES"] = files.At("nuget");
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", ".."));
        using Process process = Process.Start(start)!;
        Task<string> complaints = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == exitCode, $"{program} {string.Join(' ', words)} ended with {process.ExitCode}:{Environment.NewLine}{output}{complaints.Result}");
        return output;
    }
}
