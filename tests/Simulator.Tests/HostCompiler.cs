using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace SkipSoftmax.Simulation;

/// <summary>
/// Compiles kernels for the simulator with g++, as <c>tests/Simulator/self_test/library.cpp</c> does. Results are kept in the user's cache
/// folder under a hash of everything they are made from, and appear there by rename: whole or not at all.
/// </summary>
internal static class HostCompiler
{
    private const string CommonFlags = "-std=c++20 -march=native -fPIC -fvisibility=hidden -ffp-contract=off -g1 -Wno-psabi";
    private const string EngineFlags = $"{CommonFlags} -O3";

    /// <summary>Accesses of the kernel's text call the engine, but libtsan itself is not linked.</summary>
    private const string KernelFlags = $"{CommonFlags} -O2 -fsanitize=thread --param tsan-instrument-func-entry-exit=0";

    private static readonly string sources = Path.Combine(AppContext.BaseDirectory, "simulator");
    private static readonly string cache = Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "skip-softmax-simulator");

    /// <summary>Processes at one time, over all kernels that tests wait for.</summary>
    private static readonly SemaphoreSlim processes = new(Environment.ProcessorCount);

    private static readonly Lazy<(string? Identity, string? Unavailable)> compiler = new(Find);
    private static readonly Lazy<string> engine = new(BuildEngine);

    /// <summary>Why kernels cannot be simulated on this machine, or null.</summary>
    public static string? Unavailable => compiler.Value.Unavailable;

    /// <summary>A shared library that simulates the kernel.</summary>
    public static string Build(EmittedKernel kernel)
    {
        string text = kernel.TextAboveInstructions;
        return Path.Combine(Publish(kernel.Kernel.Name, [KernelFlags, EngineFlags, text, .. SourceTexts()], folder =>
        {
            File.WriteAllText(Path.Combine(folder, "kernel.cu"), text);
            CopyInstructionLayer(folder);
            Run(folder, $"{KernelFlags} -I. -I{sources}/include -DKERNEL_TEXT=<kernel.cu> -c {sources}/kernels/{kernel.Entry} -o kernel.o");
            Run(folder, $"-shared -o kernel.so kernel.o {string.Join(' ', Directory.GetFiles(engine.Value, "*.o").Order(StringComparer.Ordinal))}");
        }), "kernel.so");
    }

    private static (string?, string?) Find()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            return (null, "The simulator runs on Linux on x64 only.");
        }
        try
        {
            // Version, and what -march=native stands for here.
            return (Execute(folder: ".", "-### -march=native -x c++ -E /dev/null").Output, null);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (null, "The simulator needs g++ 12 or newer: install it (Debian: apt install g++).");
        }
    }

    private static string BuildEngine() => Publish("engine", [EngineFlags, .. SourceTexts()], folder =>
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

    private static string Publish(string name, IEnumerable<string> madeFrom, Action<string> build)
    {
        byte[] inputs = Encoding.UTF8.GetBytes(string.Join('\0', madeFrom.Prepend(compiler.Value.Identity!)));
        string target = Path.Combine(cache, $"{name}-{Convert.ToHexStringLower(SHA256.HashData(inputs))[..16]}");
        if (Directory.Exists(target))
        {
            return target;
        }
        string building = $"{target}.{Guid.NewGuid():N}";
        Directory.CreateDirectory(building);
        try
        {
            build(building);
            Directory.Move(building, target);
        }
        catch (IOException) when (Directory.Exists(target))
        {
            // Another process was first: its result is as good.
            Directory.Delete(building, recursive: true);
        }
        catch
        {
            Directory.Delete(building, recursive: true);
            throw;
        }
        return target;
    }

    private static void Run(string folder, string arguments)
    {
        processes.Wait();
        try
        {
            (int exitCode, string output) = Execute(folder, arguments);
            if (exitCode != 0)
            {
                throw new InvalidOperationException($"g++ {arguments} ended with {exitCode}:\n{output}");
            }
        }
        finally
        {
            processes.Release();
        }
    }

    private static (int ExitCode, string Output) Execute(string folder, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("g++", arguments) { WorkingDirectory = folder, RedirectStandardError = true })!;
        string output = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
