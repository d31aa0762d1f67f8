using SkipSoftmax.Generator.Model;
using SkipSoftmax.Generator.Tests;
using SkipSoftmax.Generator.Variants;
using Xunit.Abstractions;

namespace SkipSoftmax.Kernels.Tests;

/// <summary>Facts of the machine code that need a compiler but no GPU. Skipped, and said so, where there is no NVRTC or nvdisasm.</summary>
public class CompiledKernelTests(ITestOutputHelper output)
{
    /// <summary>Variants drawn afresh for each head dimension in each run, beside those that are always compiled.</summary>
    private const int RandomVariants = 4;

    [SkippableTheory]
    [InlineData(64)]
    [InlineData(128)]
    [InlineData(192)]
    [InlineData(256)]
    public void Every_variant_keeps_to_its_registers_and_overlaps_its_products(int headDim)
    {
        CudaTools.RequireCompiler();
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        output.WriteLine("| variant | registers at entry | consumer, of | shared memory | spills | main loop | HGMMA | EX2 | FFMA/FADD/FMUL/FMNMX | votes |");
        output.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        IEnumerable<AttentionRequest> requests = [.. AlwaysCompiled(headDim), .. Drawn(headDim, new Random(seed))];
        KernelFacts[] facts = [.. requests.AsParallel().AsOrdered().Select(request => KernelFacts.Of(VariantOf(request)))];
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
            // Matrix products run on Hopper's warpgroup instructions, but where a warp makes its logits of a product tile once more.
            Assert.Equal(0, KernelFacts.Count(fact.Instructions, "HMMA") % (((Sm90PrefillVariant)fact.Variant).KeyTile / 8));

            bool votes = fact.Instructions.Any(KernelFacts.Judges);
            Assert.True(votes == (fact.Variant.Request.Threshold != ThresholdMode.Off), $"{name} {(votes ? "votes" : "does not vote")}");
        });
    }

    [SkippableFact]
    public void Dense_main_loop_has_exactly_the_work_of_dense_attention()
    {
        foreach (int headDim in new[] { 64, 128, 256 })
        {
            Sm90PrefillVariant variant = VariantOf(Default with { HeadDim = headDim, Threshold = ThresholdMode.Off });
            KernelFacts facts = KernelFacts.Of(variant);

            Assert.Equal(KernelFacts.ProductsOfAStep(variant), KernelFacts.Count(facts.MainLoop, "HGMMA"));
            // A thread's share of the tile's weights against standing references, and the same against new ones: one of them is taken.
            Assert.Equal(2 * (variant.KeyTile / 2), KernelFacts.Count(facts.MainLoop, "MUFU.EX2"));
        }
    }

    private static AttentionRequest Default { get; } = Requests.Default with { Threshold = ThresholdMode.Fixed };

    /// <summary>Each block size dense and with each kind of threshold; the other values take turns.</summary>
    private static IEnumerable<AttentionRequest> AlwaysCompiled(int headDim)
    {
        int turn = 0;
        foreach ((int queryBlock, int keyBlock) in BlocksOf(headDim))
        {
            foreach (ThresholdMode threshold in new[] { ThresholdMode.Off, ThresholdMode.Fixed, ThresholdMode.ContextScaled, ThresholdMode.PerSequence })
            {
                yield return Default with
                {
                    HeadDim = headDim,
                    QueryBlock = queryBlock,
                    KeyBlock = keyBlock,
                    Threshold = threshold,
                    Mask = turn % 2 == 0 ? AttentionMask.Causal : AttentionMask.None,
                    Element = turn % 3 == 0 ? ElementType.Float16 : ElementType.BFloat16,
                    Order = (TileOrder)(turn % 3),
                    CountTiles = turn % 4 > 1,
                    RecordDecisions = turn % 5 > 2,
                    ReturnLse = turn % 2 == 1,
                };
                turn++;
            }
        }
    }

    private static IEnumerable<AttentionRequest> Drawn(int headDim, Random random)
    {
        (int, int)[] blocks = BlocksOf(headDim);
        for (int i = 0; i < RandomVariants; i++)
        {
            (int queryBlock, int keyBlock) = blocks[random.Next(blocks.Length)];
            yield return Default with
            {
                HeadDim = headDim,
                QueryBlock = queryBlock,
                KeyBlock = keyBlock,
                Threshold = (ThresholdMode)random.Next(5),
                Mask = (AttentionMask)random.Next(2),
                Element = (ElementType)random.Next(2),
                Order = (TileOrder)random.Next(3),
                CountTiles = random.Next(2) == 1,
                RecordDecisions = random.Next(2) == 1,
                ReturnLse = random.Next(2) == 1,
            };
        }
    }

    private static (int QueryBlock, int KeyBlock)[] BlocksOf(int headDim) =>
        [.. from queryBlock in DeclarationValues.Blocks from keyBlock in DeclarationValues.Blocks where headDim < 256 || keyBlock == 64 select (queryBlock, keyBlock)];

    private static Sm90PrefillVariant VariantOf(AttentionRequest request) =>
        (Sm90PrefillVariant)Assert.IsType<VariantSelection.Selected>(Sm90PrefillSelection.Select(request)).Variant;

    private static string RowOf(KernelFacts facts)
    {
        Sm90PrefillVariant variant = (Sm90PrefillVariant)facts.Variant;
        string arithmetic = string.Join('/', new[] { "FFMA", "FADD", "FMUL", "FMNMX" }.Select(opcode => KernelFacts.Count(facts.MainLoop, opcode)));
        return $"| {variant.Name} | {facts.Registers} | {Sm90PrefillBudgets.ConsumerRegisters(variant)}, {Sm90PrefillBudgets.Registers(variant.ConsumerWarpgroups).Consumer} "
            + $"| {variant.SharedMemoryBytes} | {facts.SpilledBytes} | {facts.MainLoop.Length} | {KernelFacts.Count(facts.MainLoop, "HGMMA")} "
            + $"| {KernelFacts.Count(facts.MainLoop, "MUFU.EX2")} | {arithmetic} | {facts.MainLoop.Count(KernelFacts.Judges)} |";
    }
}
