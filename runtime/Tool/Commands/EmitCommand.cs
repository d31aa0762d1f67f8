using System.CommandLine;
using SkipSoftmax.Tool.CommandLine;
using SkipSoftmax.Tool.Declarations;
using Spectre.Console;

namespace SkipSoftmax.Tool.Commands;

/// <summary><c>emit</c>: the CUDA C++ text of one kernel, as NVRTC gets it.</summary>
internal static class EmitCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> source = ToolOptions.Source();
        Option<string?> name = ToolOptions.Declaration();
        Option<string?> kernel = new("--kernel") { Description = "Name of the kernel, or its number in list. Needed where there are several." };
        Option<string?> file = new("--output", "-o") { Description = "File to write. Default: the output." };
        Command command = new("emit", "The CUDA text of one kernel, as it is compiled.") { source, name, kernel, file };
        command.SetAction(line =>
        {
            DeclaredKernel chosen = Choose(ToolOptions.Select(DeclarationReader.Read(line.GetValue(source)!, terminal), line.GetValue(name)), line.GetValue(kernel));
            if (line.GetValue(file) is string path)
            {
                File.WriteAllText(path, chosen.Text);
                terminal.Answer(line, new { chosen.Kernel, File = path }, console => console.WriteLine($"{chosen.Kernel.Name}: {path}"));
            }
            else
            {
                terminal.Answer(line, new { chosen.Kernel, chosen.Text }, _ => terminal.Print(chosen.Text));
            }
            return ExitCode.Success;
        });
        return command;
    }

    private static DeclaredKernel Choose(IReadOnlyList<Declaration> declarations, string? kernel)
    {
        DeclaredKernel[] chosen =
        [
            .. declarations.SelectMany(declaration => declaration.Kernels.Where((candidate, index) => kernel is null || candidate.Kernel.Name == kernel || $"{index}" == kernel)),
        ];
        return chosen.Length == 1
            ? chosen[0]
            : throw new ToolException(ExitCode.Misused, $"""
                {(chosen.Length == 0 ? "No kernel is" : "Several kernels are")} meant: name one with --declaration and --kernel.
                {string.Join(Environment.NewLine, declarations.SelectMany(declaration => declaration.Kernels.Select((candidate, index) => $"  --declaration {declaration.Specification.Name} --kernel {index}    {candidate.Kernel.Name}")))}
                """);
    }
}
