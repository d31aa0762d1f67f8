using System.CommandLine;
using SkipSoftmax.Tool.Commands;

namespace SkipSoftmax.Tool.CommandLine;

/// <summary>All commands of the tool.</summary>
internal static class ToolCommands
{
    public static RootCommand Create(Terminal terminal) => new("Declarations, kernels, thresholds: what SkipSoftmax.Gen made, and what it does on your tensors.")
    {
        terminal.Json,
        DoctorCommand.Create(terminal),
        ListCommand.Create(terminal),
        EmitCommand.Create(terminal),
        CompileCommand.Create(terminal),
        CacheCommand.Create(terminal),
        SweepCommand.Create(terminal),
        CalibrateCommand.Create(terminal),
    };
}
