using System.Globalization;
using System.Text.RegularExpressions;
using SkipSoftmax.Compilation;
using SkipSoftmax.Tool.Caching;

namespace SkipSoftmax.Tool.Compilation;

/// <summary>One kernel for one architecture, with what ptxas says of it; or why it was refused.</summary>
internal sealed partial record CompiledVariant
{
    public required string Declaration { get; init; }

    public required string Kernel { get; init; }

    public required string Architecture { get; init; }

    /// <summary>Dynamic, of a CTA.</summary>
    public required int SharedMemoryBytes { get; init; }

    /// <summary>Null: it was refused, like all that follows.</summary>
    public string? File { get; init; }

    public int? Registers { get; init; }

    /// <summary>Stores and loads.</summary>
    public int? SpilledBytes { get; init; }

    public int? StackBytes { get; init; }

    public int? CubinBytes { get; init; }

    public string? Error { get; init; }

    public static CompiledVariant Refused(ExpectedKernel kernel, string error) => Of(kernel) with { Error = error };

    /// <param name="kernel">What was compiled.</param>
    /// <param name="file">Its name in the cache folder.</param>
    /// <param name="result">With ptxas' report in its log.</param>
    public static CompiledVariant Made(ExpectedKernel kernel, string file, CompiledKernel result) => Of(kernel) with
    {
        File = file,
        Registers = Number(UsedRegisters(), result.Log),
        SpilledBytes = Number(SpillStores(), result.Log) + Number(SpillLoads(), result.Log),
        StackBytes = Number(StackFrame(), result.Log),
        CubinBytes = result.Cubin.Length,
    };

    private static CompiledVariant Of(ExpectedKernel kernel) => new()
    {
        Declaration = kernel.Declaration,
        Kernel = kernel.Kernel.Name,
        Architecture = kernel.Architecture,
        SharedMemoryBytes = kernel.Kernel.SharedMemoryBytes,
    };

    /// <summary>Null where the log of a compiler does not say it.</summary>
    private static int? Number(Regex pattern, string log) =>
        pattern.Match(log) is { Success: true } match ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : null;

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex UsedRegisters();

    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex SpillStores();

    [GeneratedRegex(@"(\d+) bytes spill loads")]
    private static partial Regex SpillLoads();

    [GeneratedRegex(@"(\d+) bytes stack frame")]
    private static partial Regex StackFrame();
}
