using System.CommandLine;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Tool.CommandLine;
using SkipSoftmax.Tool.Declarations;
using Spectre.Console;

namespace SkipSoftmax.Tool.Commands;

/// <summary><c>list</c>: declarations and the kernels emitted for them, with their budgets.</summary>
internal static class ListCommand
{
    /// <summary>Of one SM, for all threads of a CTA.</summary>
    private const int RegisterFile = 65_536;

    public static Command Create(Terminal terminal)
    {
        Argument<string> source = ToolOptions.Source();
        Option<string?> name = ToolOptions.Declaration();
        Command command = new("list", "The declarations of an assembly or project, their variants and budgets.") { source, name };
        command.SetAction(line =>
        {
            IReadOnlyList<Declaration> declarations = ToolOptions.Select(DeclarationReader.Read(line.GetValue(source)!, terminal), line.GetValue(name));
            terminal.Answer(
                line,
                declarations.Select(declaration => new { declaration.Specification, Kernels = declaration.Kernels.Select(kernel => kernel.Kernel) }),
                console => Render(declarations, console));
            return ExitCode.Success;
        });
        return command;
    }

    private static void Render(IReadOnlyList<Declaration> declarations, IAnsiConsole console)
    {
        foreach (Declaration declaration in declarations)
        {
            console.MarkupLine($"[bold]{declaration.Specification.Name.EscapeMarkup()}[/]");
            console.MarkupLine($"  {Summary(declaration.Specification).EscapeMarkup()}");
            if (declaration.Kernels.Count == 0)
            {
                console.MarkupLine("  CPU path only: the declaration has no Targets");
                console.WriteLine();
                continue;
            }
            Table table = Terminal.TableOf("", "kernel", "target", "query × key tile", "threads", "registers at entry", $"of {RegisterFile:n0}", "shared memory");
            for (int index = 0; index < declaration.Kernels.Count; index++)
            {
                GpuKernel kernel = declaration.Kernels[index].Kernel;
                int registers = kernel.Threads * kernel.EntryRegisters;
                table.AddRow(
                    $"{index}", kernel.Name.EscapeMarkup(), $"{kernel.Target}", $"{kernel.QueryTile} × {kernel.KeyTile}", $"{kernel.Threads}", $"{kernel.EntryRegisters}",
                    $"{registers:n0} ({(double)registers / RegisterFile:p0})", $"{kernel.SharedMemoryBytes:n0} bytes");
            }
            console.Write(table);
        }
    }

    private static string Summary(AttentionSpecification specification)
    {
        string shape = specification.Phase == AttentionPhase.Decode
            ? $"blocks of {specification.KeyBlock} keys, up to {specification.MaxQueryLength} query token(s), {(specification.KvLayout == KvLayout.Paged ? $"pages of {specification.PageSize}" : "contiguous")}"
            : $"blocks of {specification.QueryBlock} × {specification.KeyBlock}, {specification.Order}";
        string results = string.Concat(
            new[] { (specification.CountTiles, ", CountTiles"), (specification.RecordDecisions, ", RecordDecisions"), (specification.ReturnLse, ", ReturnLse") }
                .Where(result => result.Item1).Select(result => result.Item2));
        return $"{specification.Phase}, head_dim {specification.HeadDim}, {specification.Element}, mask {specification.Mask}, threshold {specification.Threshold}, {shape}{results}";
    }
}
