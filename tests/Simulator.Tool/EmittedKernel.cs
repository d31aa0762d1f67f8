extern alias generator;
using System.Text;
using generator::SkipSoftmax.Generator.Model;
using generator::SkipSoftmax.Generator.Specialization;
using generator::SkipSoftmax.Generator.Variants;
using SkipSoftmax.Descriptors;
using Declared = generator::SkipSoftmax;

namespace SkipSoftmax.Simulation;

/// <summary>What the generator emits for a declaration, and the same text for the simulator: byte for byte, but for the instruction layer.</summary>
internal sealed record EmittedKernel(AttentionSpecification Specification, GpuKernel Kernel, string Text)
{
    private const string SectionStart = "// ---- ";
    private const string SectionEnd = "// ---- end of ";
    private const string Templates = "templates/";
    private const string InstructionLayer = "templates/ptx/";

    /// <summary>The simulator's file around the kernel's text.</summary>
    public string Entry => $"{Kernel.Target}_{Specification.Phase}.cpp".ToLowerInvariant();

    /// <param name="specification">The declaration, with one target; none stands for SM90.</param>
    /// <param name="rows">Of decode: query rows that share a key/value head. The smallest kernel that holds them is taken, as by a launch.</param>
    /// <param name="templates">What the text is made from; null: the generator's own templates.</param>
    /// <exception cref="NotSupportedException">The declaration has no kernel for its target, or none that holds the rows.</exception>
    public static EmittedKernel Of(AttentionSpecification specification, int rows = 1, TemplateLibrary? templates = null)
    {
        AttentionRequest request = new()
        {
            Phase = (Declared::AttentionPhase)specification.Phase,
            HeadDim = specification.HeadDim,
            QueryBlock = specification.QueryBlock,
            KeyBlock = specification.KeyBlock,
            Threshold = (Declared::ThresholdMode)specification.Threshold,
            Mask = (Declared::AttentionMask)specification.Mask,
            Element = (Declared::ElementType)specification.Element,
            Targets = specification.Targets == GpuTargets.None ? Declared::GpuTargets.Sm90 : (Declared::GpuTargets)specification.Targets,
            Order = (Declared::TileOrder)specification.Order,
            KvLayout = (Declared::KvLayout)specification.KvLayout,
            PageSize = specification.PageSize,
            MaxQueryLength = specification.MaxQueryLength,
            CountTiles = specification.CountTiles,
            RecordDecisions = specification.RecordDecisions,
            ReturnLse = specification.ReturnLse,
        };
        if (KernelFamilies.Find(request.Targets, request.Phase).Select(request) is not VariantSelection.Selected selected
            || selected.Variants.FirstOrDefault(candidate => specification.Phase == AttentionPhase.Prefill || candidate.QueryTile >= rows) is not KernelVariant variant)
        {
            throw new NotSupportedException($"{specification} has no {request.Targets} kernel for {rows} rows.");
        }
        GpuKernel kernel = new()
        {
            Name = variant.Name,
            Target = (GpuTargets)variant.Target,
            EntryPoint = variant.EntryPoint,
            QueryTile = variant.QueryTile,
            QueryBox = variant.QueryBox,
            KeyTile = variant.KeyTile,
            ValueBox = variant.ValueBox,
            Threads = variant.Threads,
            SharedMemoryBytes = variant.SharedMemoryBytes,
            EntryRegisters = variant.EntryRegisters,
        };
        return new(specification, kernel, (templates ?? TemplateLibrary.Embedded).Specialize(variant));
    }

    /// <summary>The text with an include of the simulator's file of the same name in the place of each file of the instruction layer.</summary>
    public string TextAboveInstructions
    {
        get
        {
            StringBuilder text = new();
            Stack<string> open = new();
            foreach (string line in Text.TrimEnd('\n').Split('\n'))
            {
                if (line.StartsWith(SectionEnd, StringComparison.Ordinal))
                {
                    Keep(text, open, line);
                    open.Pop();
                    continue;
                }
                if (line.StartsWith(SectionStart, StringComparison.Ordinal))
                {
                    string path = line[SectionStart.Length..];
                    open.Push(path);
                    if (path.StartsWith(InstructionLayer, StringComparison.Ordinal))
                    {
                        text.Append($"#include \"{path[Templates.Length..]}\"\n");
                    }
                }
                Keep(text, open, line);
            }
            return text.ToString();
        }
    }

    private static void Keep(StringBuilder text, Stack<string> open, string line)
    {
        if (!open.TryPeek(out string? path) || !path.StartsWith(InstructionLayer, StringComparison.Ordinal))
        {
            text.Append(line).Append('\n');
        }
    }
}
