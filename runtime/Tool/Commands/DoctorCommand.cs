using System.CommandLine;
using SkipSoftmax.Caching;
using SkipSoftmax.Compilation;
using SkipSoftmax.Dispatch;
using SkipSoftmax.Tool.Caching;
using SkipSoftmax.Tool.CommandLine;
using Spectre.Console;

namespace SkipSoftmax.Tool.Commands;

/// <summary><c>doctor</c>: what declared kernels would find on this machine.</summary>
internal static class DoctorCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string?> nvrtc = ToolOptions.Nvrtc(), folder = ToolOptions.CacheFolder();
        Command command = new("doctor", "Device, driver, NVRTC, cache and CPU path: what was found where, what is missing, what to do.") { nvrtc, folder };
        command.SetAction(line =>
        {
            Finding[] findings = Examine(new() { NvrtcPath = line.GetValue(nvrtc), CacheDirectory = line.GetValue(folder) });
            terminal.Answer(line, findings, console => Render(findings, console));
            return findings.Any(finding => finding.State == FindingState.Broken) ? ExitCode.Failed : ExitCode.Success;
        });
        return command;
    }

    private static Finding[] Examine(AttentionOptions options)
    {
        RuntimeDescription machine = SkipSoftmaxRuntime.Describe(options);
        return [CpuPath(machine), Driver(machine), .. machine.Devices.Select(Device), Compiler(machine, options), Cache(machine)];
    }

    private static Finding CpuPath(RuntimeDescription machine) => machine.CpuVectorBits > 0
        ? new("CPU path", FindingState.Found, $"{machine.CpuVectorBits}-bit vectors, {machine.CpuThreads} thread(s)", "")
        : new("CPU path", FindingState.Missing, "no accelerated vectors", "It runs, slowly: use a processor with AVX2, AVX-512 or 128-bit vectors.");

    private static Finding Driver(RuntimeDescription machine) => machine.DriverVersion is not null
        ? new("CUDA driver", FindingState.Found, machine.Driver, "")
        : new("CUDA driver", FindingState.Missing, machine.Driver, "Declared methods run on the CPU path. For a GPU, install the NVIDIA driver on a machine that has one.");

    private static Finding Device(GpuDeviceInfo device) => GpuArchitecture.Of(device.Major, device.Minor) is { } architecture
        ? new($"Device {device.Ordinal}", FindingState.Found, $"{device}; runs {architecture.Target} kernels, compiled for {architecture.Name}", "")
        : new($"Device {device.Ordinal}", FindingState.Missing, $"{device}; no kernels for it", "Declared methods run on the CPU path: see README.md for the GPUs that have kernels.");

    private static Finding Compiler(RuntimeDescription machine, AttentionOptions options)
    {
        if (KernelCompiler.Find(options.NvrtcPath).Compiler is not { } compiler)
        {
            return new("NVRTC", FindingState.Missing, machine.Compiler,
                "A GPU then runs only kernels that lie compiled in the cache folder: install it, or compile ahead of time with skip-softmax compile.");
        }
        ILookup<bool, string> architectures = Enum.GetValues<GpuTargets>().SelectMany(GpuArchitecture.Of).Select(architecture => architecture.Name).ToLookup(compiler.Supports);
        string known = $"{machine.Compiler} Compiles for {string.Join(", ", architectures[true])}.";
        return architectures[false].Any()
            ? new("NVRTC", FindingState.Missing, known, $"It is too old for {string.Join(", ", architectures[false])}: install that of a newer CUDA toolkit for those.")
            : new("NVRTC", FindingState.Found, known, "");
    }

    private static Finding Cache(RuntimeDescription machine)
    {
        if (machine.CacheRefusal is string refusal)
        {
            return new("Cache", FindingState.Broken, $"not used: {refusal}", "Each process compiles its kernels anew until that is mended.");
        }
        CacheInventory inventory = CacheInventory.Of(machine.CacheDirectory!);
        int damaged = inventory.Entries.Count(entry => entry.State == CacheEntryState.Damaged);
        string contents = $"{machine.CacheDirectory}: {inventory.Entries.Count} entries, {inventory.Bytes:n0} bytes";
        return damaged == 0
            ? new("Cache", FindingState.Found, contents, "")
            : new("Cache", FindingState.Broken, $"{contents}, {damaged} damaged", "They are compiled again when needed; remove them with skip-softmax cache prune.");
    }

    private static void Render(Finding[] findings, IAnsiConsole console)
    {
        foreach (Finding finding in findings)
        {
            string mark = finding.State switch { FindingState.Found => "[green]found  [/]", FindingState.Missing => "[yellow]missing[/]", _ => "[red]broken [/]" };
            console.MarkupLine($"{mark}  [bold]{finding.Name.EscapeMarkup()}[/]: {finding.What.EscapeMarkup()}");
            if (finding.ToDo.Length > 0)
            {
                console.MarkupLine($"         {finding.ToDo.EscapeMarkup()}");
            }
        }
    }

    private enum FindingState
    {
        Found,

        /// <summary>Absent, which is no error.</summary>
        Missing,

        /// <summary>There, and not fit for use.</summary>
        Broken,
    }

    private sealed record Finding(string Name, FindingState State, string What, string ToDo);
}
