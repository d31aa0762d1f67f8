extern alias runtime;
using runtime::SkipSoftmax.Dispatch;
using SkipSoftmax.Generator.Model;
using SkipSoftmax.Generator.Tests;
using SkipSoftmax.Generator.Variants;
using Xunit.Abstractions;

namespace SkipSoftmax.Kernels.Tests;

/// <summary>Facts of the SM100 prefill kernels' machine code, for every architecture that runs them. Skipped, and said so, where there is no NVRTC that knows
/// them, or no nvdisasm.</summary>
public class CompiledSm100Tests(ITestOutputHelper output)
{
    /// <summary>Variants drawn afresh for each head dimension in each run, beside those that are always compiled.</summary>
    private const int RandomVariants = 4;

    private static readonly ThresholdMode[] modes = [ThresholdMode.Off, ThresholdMode.Fixed, ThresholdMode.ContextScaled, ThresholdMode.PerSequence];

    public static TheoryData<int, string> HeadDimsAndArchitectures
    {
        get
        {
            TheoryData<int, string> data = [];
            foreach (GpuArchitecture architecture in GpuArchitecture.Of(runtime::SkipSoftmax.GpuTargets.Sm100))
            {
                data.Add(64, architecture.Name);
                data.Add(128, architecture.Name);
            }
            return data;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(HeadDimsAndArchitectures))]
    public void Every_variant_keeps_to_its_registers_and_multiplies_in_tensor_memory(int headDim, string architecture)
    {
        CudaTools.RequireCompiler(architecture);
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        output.WriteLine("| variant | registers at entry | spills | all | UTCHMMA | softmax loop | EX2 | FFMA2/FADD2/FMNMX3 | LDTM/STTM | votes |");
        output.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        IEnumerable<AttentionRequest> requests = [.. AlwaysCompiled(headDim), .. Drawn(headDim, new Random(seed))];
        KernelFacts[] facts = [.. requests.AsParallel().AsOrdered().Select(request => KernelFacts.Of(VariantOf(request), architecture))];
        foreach (KernelFacts fact in facts)
        {
            output.WriteLine(RowOf(fact));
        }

        Assert.All(facts, fact =>
        {
            string name = fact.Variant.Name;
            Assert.True(fact.SpilledBytes == 0 && fact.StackBytes == 0, $"{name} spills {fact.SpilledBytes} bytes and has a stack frame of {fact.StackBytes}.");
            Assert.True(fact.Remarks.Length == 0, $"{name}: {string.Join(' ', fact.Remarks)}");
            Assert.Equal(fact.Variant.EntryRegisters, fact.Registers);
            // Products of QKᵀ over the head dimension, of P·V over a decision's keys, 16 at a time; and none of an older kind.
            Assert.True(KernelFacts.Count(fact.Instructions, "UTCHMMA") >= (headDim + fact.Variant.Request.KeyBlock) / 16, name);
            Assert.DoesNotContain(fact.Instructions, instruction => instruction.StartsWith("HMMA", StringComparison.Ordinal) || instruction.StartsWith("HGMMA", StringComparison.Ordinal));
            // A row's weights of a step, and its factor.
            Assert.Equal(fact.Variant.KeyTile + 1, KernelFacts.Count(fact.MainLoop, "MUFU.EX2"));

            bool votes = fact.Instructions.Any(KernelFacts.Judges);
            Assert.True(votes == (fact.Variant.Request.Threshold != ThresholdMode.Off), $"{name} {(votes ? "votes" : "does not vote")}");
        });
    }

    /// <summary>Each block size dense and with each kind of threshold; the other values take turns.</summary>
    private static IEnumerable<AttentionRequest> AlwaysCompiled(int headDim)
    {
        int turn = 0;
        foreach (int queryBlock in DeclarationValues.Blocks)
        {
            foreach (int keyBlock in DeclarationValues.Blocks)
            {
                foreach (ThresholdMode mode in modes)
                {
                    yield return Request(headDim, queryBlock, keyBlock, mode, mask: turn % 2, element: turn % 3 == 0 ? 1 : 0, order: turn % 3, results: turn % 8);
                    turn++;
                }
            }
        }
    }

    private static IEnumerable<AttentionRequest> Drawn(int headDim, Random random) => Enumerable.Range(0, RandomVariants).Select(_ => Request(
        headDim, random.GetItems(DeclarationValues.Blocks, 1)[0], random.GetItems(DeclarationValues.Blocks, 1)[0], (ThresholdMode)random.Next(5),
        random.Next(2), random.Next(2), random.Next(3), random.Next(8)));

    private static AttentionRequest Request(int headDim, int queryBlock, int keyBlock, ThresholdMode mode, int mask, int element, int order, int results) => Requests.Default with
    {
        Targets = GpuTargets.Sm100,
        HeadDim = headDim,
        QueryBlock = queryBlock,
        KeyBlock = keyBlock,
        Threshold = mode,
        Mask = (AttentionMask)mask,
        Element = (ElementType)element,
        Order = (TileOrder)order,
        CountTiles = (results & 1) != 0,
        RecordDecisions = (results & 2) != 0,
        ReturnLse = (results & 4) != 0,
    };

    private static Sm100PrefillVariant VariantOf(AttentionRequest request) =>
        (Sm100PrefillVariant)Assert.IsType<VariantSelection.Selected>(Sm100PrefillSelection.Select(request)).Variant;

    private static string RowOf(KernelFacts facts)
    {
        string arithmetic = string.Join('/', new[] { "FFMA2", "FADD2", "FMNMX3" }.Select(opcode => KernelFacts.Count(facts.MainLoop, opcode)));
        return $"| {facts.Variant.Name} | {facts.Registers} | {facts.SpilledBytes} | {facts.Instructions.Length} | {KernelFacts.Count(facts.Instructions, "UTCHMMA")} "
            + $"| {facts.MainLoop.Length} | {KernelFacts.Count(facts.MainLoop, "MUFU.EX2")} | {arithmetic} "
            + $"| {KernelFacts.Count(facts.MainLoop, "LDTM")}/{KernelFacts.Count(facts.MainLoop, "STTM")} | {facts.MainLoop.Count(KernelFacts.Judges)} |";
    }
}
