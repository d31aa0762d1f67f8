extern alias runtime;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using runtime::SkipSoftmax.Compilation;
using SkipSoftmax.Generator.Specialization;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Kernels.Tests;

/// <summary>What ptxas and the disassembly say about one variant compiled for one architecture.</summary>
internal sealed partial record KernelFacts(
    KernelVariant Variant, int Registers, int SpilledBytes, int StackBytes, string[] Remarks, string[] Instructions, string[] MainLoop)
{
    /// <param name="variant">What to compile.</param>
    /// <param name="architecture">What for.</param>
    /// <param name="landmark">Opcode that the main loop is known by: that of the matrix products, if one role makes them and all else.</param>
    /// <param name="landmarks">How many of them the main loop has, at least.</param>
    public static KernelFacts Of(KernelVariant variant, string architecture, string landmark, int landmarks)
    {
        KernelCompiler compiler = CudaTools.RequireCompiler(architecture);
        string text = TemplateLibrary.Embedded.Specialize(variant);
        CompiledKernel kernel = compiler.Compile(Encoding.UTF8.GetBytes(text), architecture, report: true);
        string[] lines = CudaTools.Disassemble(kernel.Cubin).Split('\n');
        return new(
            variant,
            Number(UsedRegisters(), kernel.Log),
            Number(SpillStores(), kernel.Log) + Number(SpillLoads(), kernel.Log),
            Number(StackFrame(), kernel.Log),
            [.. kernel.Log.Split('\n').Where(line => line.Contains("(C75", StringComparison.Ordinal) || line.Contains("warning", StringComparison.Ordinal))],
            [.. lines.Select(InstructionOf).OfType<string>()],
            FindMainLoop(lines, landmark, landmarks));
    }

    /// <summary>Instructions in <paramref name="within"/> whose opcode starts with <paramref name="opcode"/>.</summary>
    public static int Count(string[] within, string opcode) => within.Count(instruction => instruction.StartsWith(opcode, StringComparison.Ordinal));

    public static KernelFacts Of(Sm90PrefillVariant variant) => Of(variant, "sm_90a", "HGMMA", ProductsOfAStep(variant));

    /// <summary>Of decode: QKᵀ over the head dimension and 8 keys at a time, P·V over the keys and 8 columns at a time, 16 deep.</summary>
    public static int ProductsOfAStep(DecodeVariant variant) =>
        2 * (variant.Request.HeadDim / 16) * (variant.Request.KeyBlock / 8);

    public static KernelFacts Of(DecodeVariant variant, string architecture) => Of(variant, architecture, "HMMA", ProductsOfAStep(variant));

    /// <summary>Of SM100 prefill the main loop is the softmax's.</summary>
    public static KernelFacts Of(Sm100PrefillVariant variant, string architecture) => Of(variant, architecture, "MUFU.EX2", variant.KeyTile);

    /// <summary>Products of one step: QKᵀ over the head dimension and P·V over the keys, 16 at a time.</summary>
    public static int ProductsOfAStep(Sm90PrefillVariant variant) => (variant.Request.HeadDim / 16) + (variant.KeyTile / 16);

    /// <summary>The smallest loop, from a label to a branch back to it, that has at least so many landmarks.</summary>
    private static string[] FindMainLoop(string[] lines, string landmark, int landmarks)
    {
        Dictionary<string, int> labels = [];
        List<string>? best = null;
        for (int line = 0; line < lines.Length; line++)
        {
            if (Label().Match(lines[line]) is { Success: true } label)
            {
                labels[label.Groups[1].Value] = line;
            }
            else if (BranchTarget().Match(lines[line]) is { Success: true } branch && labels.TryGetValue(branch.Groups[1].Value, out int start))
            {
                List<string> body = [.. lines[start..(line + 1)].Select(InstructionOf).OfType<string>()];
                if (Count([.. body], landmark) >= landmarks && (best is null || body.Count < best.Count))
                {
                    best = body;
                }
            }
        }
        return [.. best ?? throw new InvalidOperationException($"The disassembly has no loop with {landmarks} {landmark}.")];
    }

    /// <summary>Whether a prefill kernel's instruction holds the floor under running maxima (<c>negligible_below</c>): only what decides about tiles compares with it.</summary>
    public static bool Judges(string instruction) => instruction.Contains("-1.00000001504746621988e+30", StringComparison.Ordinal);

    /// <summary>The instruction without address, predicate and operands' end; null for other lines.</summary>
    private static string? InstructionOf(string line) => Instruction().Match(line) is { Success: true } match ? match.Groups[1].Value : null;

    private static int Number(Regex pattern, string log) => pattern.Match(log) is { Success: true } match
        ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
        : throw new InvalidOperationException($"NVRTC's log lacks '{pattern}': {log}");

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex UsedRegisters();

    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex SpillStores();

    [GeneratedRegex(@"(\d+) bytes spill loads")]
    private static partial Regex SpillLoads();

    [GeneratedRegex(@"(\d+) bytes stack frame")]
    private static partial Regex StackFrame();

    [GeneratedRegex(@"^\s*(\.L_x_\d+):")]
    private static partial Regex Label();

    [GeneratedRegex(@"\bBRA(?:\.\w+)*\s+(?:!?U?P\d+,\s*)?`\((\.L_x_\d+)\)")]
    private static partial Regex BranchTarget();

    [GeneratedRegex(@"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\d+\s+)?([A-Z][^;]*?)\s*;")]
    private static partial Regex Instruction();
}
