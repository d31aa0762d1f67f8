using System.Diagnostics;
using System.Runtime.InteropServices;

namespace SkipSoftmax.Simulation;

/// <summary>
/// Compiles kernels for the simulator with the host's C++ compiler, as <c>tests/Simulator/self_test/library.cpp</c> does. Results are kept in the user's cache
/// folder: see <see cref="BuildCache"/>.
/// </summary>
internal static class HostCompiler
{
    private const string LibraryName = "kernel.so";
    private const string CommonFlags = "-std=c++20 -march=native -fPIC -fvisibility=hidden -ffp-contract=off -g1 -Wno-psabi";
    private const string EngineFlags = $"{CommonFlags} -O3";

    /// <summary>Accesses of the kernel's text call the engine, but libtsan itself is not linked.</summary>
    private const string KernelFlags = $"{CommonFlags} -O2 -fsanitize=thread";

    /// <summary>The first one present is used.</summary>
    private static readonly (string Command, string NoEntryCalls)[] compilers =
    [
        ("g++", "--param tsan-instrument-func-entry-exit=0"),
        ("clang++", "-mllvm -tsan-instrument-func-entry-exit=0"),
    ];

    private static readonly string sources = Path.Combine(AppContext.BaseDirectory, "simulator");
    private static readonly BuildCache cache = new(Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "skip-softmax-simulator"));

    /// <summary>Processes at one time, over all kernels that tests wait for.</summary>
    private static readonly SemaphoreSlim processes = new(Environment.ProcessorCount);

    private static readonly Lazy<HostToolchain?> toolchain = new(Find);
    private static readonly Lazy<string> engine = new(BuildEngine);

    /// <summary>Why kernels cannot be simulated on this machine, or null.</summary>
    public static string? Unavailable =>
        !OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64 ? "The simulator runs on Linux on x64 only."
        : toolchain.Value is null ? "The simulator needs g++ 12 or newer, or clang++: install one (Debian: apt install g++)."
        : null;

    private static HostToolchain Toolchain => toolchain.Value ?? throw new InvalidOperationException(Unavailable);

    /// <summary>A shared library that simulates the kernel.</summary>
    public static string Build(EmittedKernel kernel)
    {
        IEnumerable<string> madeFrom = [Toolchain.Identity, Toolchain.NoEntryCalls, KernelFlags, EngineFlags, kernel.TextAboveInstructions, .. SourceTexts()];
        return Path.Combine(cache.Publish(kernel.Kernel.Name, madeFrom, folder => BuildIn(folder, kernel)), LibraryName);
    }

    /// <summary>The same in a folder of the caller's, kept nowhere else.</summary>
    /// <param name="folder">An empty one.</param>
    /// <param name="kernel">What is compiled.</param>
    /// <exception cref="CompilationException">The compiler refuses the text.</exception>
    public static string BuildIn(string folder, EmittedKernel kernel)
    {
        File.WriteAllText(Path.Combine(folder, "kernel.cu"), kernel.TextAboveInstructions);
        CopyInstructionLayer(folder);
        Run(folder, $"{KernelFlags} {Toolchain.NoEntryCalls} -I. -I{sources}/include -DKERNEL_TEXT=<kernel.cu> -c {sources}/kernels/{kernel.Entry} -o kernel.o");
        Run(folder, $"-shared -o {LibraryName} kernel.o {string.Join(' ', Directory.GetFiles(engine.Value, "*.o").Order(StringComparer.Ordinal))}");
        return Path.Combine(folder, LibraryName);
    }

    private static HostToolchain? Find()
    {
        foreach ((string command, string noEntryCalls) in compilers)
        {
            try
            {
                // Version, and what -march=native stands for here.
                return new(command, noEntryCalls, Execute(command, folder: ".", "-### -march=native -x c++ -E /dev/null").Output);
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // Not on this machine.
            }
        }
        return null;
    }

    private static string BuildEngine() => cache.Publish("engine", [Toolchain.Identity, EngineFlags, .. SourceTexts()], folder =>
        Parallel.ForEach(Directory.GetFiles(Path.Combine(sources, "engine"), "*.cpp"), file =>
            Run(folder, $"{EngineFlags} -c {file} -o {Path.GetFileNameWithoutExtension(file)}.o")));

    /// <summary>The instruction layer's files include the declaration's enums, which the kernel's text holds already.</summary>
    private static void CopyInstructionLayer(string folder)
    {
        DirectoryInfo layer = Directory.CreateDirectory(Path.Combine(folder, "ptx"));
        foreach (string file in Directory.GetFiles(Path.Combine(sources, "include", "ptx")))
        {
            File.Copy(file, Path.Combine(layer.FullName, Path.GetFileName(file)));
        }
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "skip_softmax")).FullName, "declaration.cuh"), "");
    }

    private static IEnumerable<string> SourceTexts() =>
        Directory.GetFiles(sources, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllText);

    private static void Run(string folder, string arguments)
    {
        processes.Wait();
        try
        {
            (int exitCode, string output) = Execute(Toolchain.Command, folder, arguments);
            if (exitCode != 0)
            {
                throw new CompilationException($"{Toolchain.Command} {arguments} ended with {exitCode}:\n{output}");
            }
        }
        finally
        {
            processes.Release();
        }
    }

    private static (int ExitCode, string Output) Execute(string command, string folder, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { WorkingDirectory = folder, RedirectStandardError = true })!;
        string output = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    /// <param name="Command">The compiler.</param>
    /// <param name="NoEntryCalls">Leaves out the calls at each function's entry and exit, which the engine has no use for.</param>
    /// <param name="Identity">Version, and what <c>-march=native</c> stands for here.</param>
    private sealed record HostToolchain(string Command, string NoEntryCalls, string Identity);
}

/// <summary>The host's compiler did not take a kernel's text; the message holds what it said.</summary>
internal sealed class CompilationException(string message) : Exception(message);
