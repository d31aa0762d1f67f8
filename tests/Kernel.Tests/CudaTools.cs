extern alias runtime;
using System.Diagnostics;
using runtime::SkipSoftmax.Compilation;

namespace SkipSoftmax.Kernels.Tests;

/// <summary>NVRTC and nvdisasm where they are found: a CUDA toolkit's places, or the folder that development machines unpack them into.</summary>
internal static class CudaTools
{
    private static readonly string unpacked = Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "skip-softmax-cuda");

    private static readonly (KernelCompiler? Compiler, string State) found = FindCompiler();

    /// <summary>The compiler; skips the test, with what was looked for, where there is none that knows the architecture.</summary>
    public static KernelCompiler RequireCompiler(string architecture = "sm_90a")
    {
        Skip.If(found.Compiler is null, found.State);
        Skip.IfNot(found.Compiler!.Supports(architecture), $"NVRTC {found.Compiler.Version} is too old for {architecture}.");
        return found.Compiler;
    }

    /// <summary>The machine code as text; skips the test where there is no nvdisasm.</summary>
    public static string Disassemble(byte[] cubin)
    {
        string? tool = new[] { unpacked, "/usr/local/cuda/bin", "/usr/bin" }.Select(folder => Path.Combine(folder, "nvdisasm")).FirstOrDefault(File.Exists);
        Skip.If(tool is null, "No nvdisasm: install the CUDA toolkit.");
        string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.cubin");
        try
        {
            File.WriteAllBytes(file, cubin);
            using Process process = Process.Start(new ProcessStartInfo(tool!, ["-c", file]) { RedirectStandardOutput = true })!;
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? text : throw new InvalidOperationException($"{tool} ended with {process.ExitCode}.");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static (KernelCompiler? Compiler, string State) FindCompiler()
    {
        (KernelCompiler? compiler, string state) = KernelCompiler.Find(Directory.Exists(unpacked) ? unpacked : null);
        return compiler is null ? KernelCompiler.Find(null) : (compiler, state);
    }
}
