using System.CommandLine;
using System.Text;
using SkipSoftmax.Caching;
using SkipSoftmax.Compilation;
using SkipSoftmax.Dispatch;
using SkipSoftmax.Tool.Caching;
using SkipSoftmax.Tool.CommandLine;
using SkipSoftmax.Tool.Compilation;
using SkipSoftmax.Tool.Declarations;
using Spectre.Console;

namespace SkipSoftmax.Tool.Commands;

/// <summary><c>compile</c>: ahead of time, into a folder that an application names as its cache. Needs NVRTC and no GPU.</summary>
internal static class CompileCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> source = ToolOptions.Source();
        Option<string?> name = ToolOptions.Declaration(), nvrtc = ToolOptions.Nvrtc();
        Option<string> folder = new("--output", "-o") { Description = "Folder to keep the kernels in: ship it, and name it in AttentionOptions.CacheDirectory.", Required = true };
        Option<string[]> architectures = new("--architecture", "-a")
        {
            Description = "Such as sm_90a; may be repeated. Default: every architecture of the declared targets.",
            AllowMultipleArgumentsPerToken = true,
        };
        Command command = new("compile", "Compiles kernels ahead of time into a cache folder that ships with an application; needs no GPU.") { source, folder, architectures, name, nvrtc };
        command.SetAction(line => Run(
            line, terminal, ToolOptions.Select(DeclarationReader.Read(line.GetValue(source)!, terminal), line.GetValue(name)),
            line.GetValue(folder)!, line.GetValue(architectures) ?? [], line.GetValue(nvrtc)));
        return command;
    }

    private static int Run(ParseResult line, Terminal terminal, IReadOnlyList<Declaration> declarations, string folder, string[] architectures, string? nvrtc)
    {
        ExpectedKernel[] expected = [.. ExpectedKernel.Of(declarations)];
        ExpectedKernel[] asked = [.. expected.Where(kernel => architectures.Length == 0 || architectures.Contains(kernel.Architecture))];
        if (asked.Length == 0)
        {
            throw new ToolException(ExitCode.Misused, expected.Length == 0
                ? "The declarations have no Targets, so there is no kernel to compile: add them to the attribute."
                : $"--architecture {string.Join(' ', architectures)} is none of those declared: {string.Join(", ", expected.Select(kernel => kernel.Architecture).Distinct())}.");
        }
        (KernelCompiler? compiler, string state) = KernelCompiler.Find(nvrtc);
        if (compiler is null)
        {
            throw new ToolException(ExitCode.Missing, state);
        }
        List<string> warnings = [];
        KernelCache cache = new(Path.GetFullPath(folder), warnings.Add);
        if (cache.Refusal is string refusal)
        {
            throw new ToolException(ExitCode.Misused, $"Nothing can be kept: {refusal}.");
        }
        CompiledVariant[] compiled = terminal.Count($"Compiling {asked.Length} kernels with NVRTC {compiler.Version}", asked.Length, step =>
            asked.AsParallel().AsOrdered().Select(kernel =>
            {
                CompiledVariant variant = Compile(kernel, compiler, cache);
                step();
                return variant;
            }).ToArray());
        terminal.Answer(line, new { Folder = cache.Folder, Compiler = compiler.Version.ToString(), Kernels = compiled, Warnings = warnings }, console => Render(compiled, cache.Folder!, compiler.Version, warnings, console));
        return compiled.All(variant => variant.Error is null) && warnings.Count == 0 ? ExitCode.Success : ExitCode.Failed;
    }

    private static CompiledVariant Compile(ExpectedKernel kernel, KernelCompiler compiler, KernelCache cache)
    {
        if (!compiler.Supports(kernel.Architecture))
        {
            return CompiledVariant.Refused(kernel, $"NVRTC {compiler.Version} is too old for {kernel.Architecture}: use that of a newer CUDA toolkit.");
        }
        byte[] text = Encoding.UTF8.GetBytes(kernel.Text);
        try
        {
            CompiledKernel result = compiler.Compile(text, kernel.Architecture, report: true);
            KernelKey key = KernelKey.Of(text, KernelCompiler.OptionsFor(kernel.Architecture), compiler.Version);
            cache.Write(key, result.Cubin);
            return CompiledVariant.Made(kernel, key.FileName, result);
        }
        catch (KernelCompilationException exception)
        {
            return CompiledVariant.Refused(kernel, exception.Message);
        }
    }

    private static void Render(CompiledVariant[] compiled, string folder, Version compiler, List<string> warnings, IAnsiConsole console)
    {
        Table table = Terminal.TableOf("declaration", "kernel", "architecture", "registers", "spills", "stack", "shared memory", "cubin");
        foreach (CompiledVariant variant in compiled.Where(variant => variant.Error is null))
        {
            table.AddRow(
                variant.Declaration.EscapeMarkup(), variant.Kernel.EscapeMarkup(), variant.Architecture, $"{variant.Registers}", $"{variant.SpilledBytes} bytes", $"{variant.StackBytes} bytes",
                $"{variant.SharedMemoryBytes:n0} bytes", $"{variant.CubinBytes:n0} bytes");
        }
        console.Write(table);
        foreach (CompiledVariant variant in compiled.Where(variant => variant.Error is not null))
        {
            console.MarkupLine($"[red]{variant.Kernel.EscapeMarkup()} for {variant.Architecture}[/]: {variant.Error!.EscapeMarkup()}");
        }
        foreach (string warning in warnings)
        {
            console.MarkupLine($"[yellow]{warning.EscapeMarkup()}[/]");
        }
        console.MarkupLine($"{compiled.Count(variant => variant.Error is null)} of {compiled.Length} kernels, compiled by NVRTC {compiler}, lie in {folder.EscapeMarkup()}");
    }
}
