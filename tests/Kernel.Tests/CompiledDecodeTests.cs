using SkipSoftmax.Generator.Model;
using SkipSoftmax.Generator.Variants;
using Xunit.Abstractions;

namespace SkipSoftmax.Kernels.Tests;

/// <summary>Facts of the decode kernels' machine code that need a compiler but no GPU. Skipped, and said so, where there is no NVRTC or nvdisasm.</summary>
public class CompiledDecodeTests(ITestOutputHelper output)
{
    private static readonly ThresholdMode[] modes = [ThresholdMode.Off, ThresholdMode.Fixed, ThresholdMode.ContextScaled, ThresholdMode.PerSequence];

    [SkippableTheory]
    [InlineData(64, "sm_90a")]
    [InlineData(128, "sm_90a")]
    [InlineData(256, "sm_90a")]
    [InlineData(64, "sm_100a")]
    [InlineData(128, "sm_100a")]
    [InlineData(256, "sm_100a")]
    [InlineData(64, "sm_103a")]
    [InlineData(128, "sm_103a")]
    [InlineData(256, "sm_103a")]
    public void Every_variant_keeps_to_its_registers_and_multiplies_no_more_than_a_step_needs(int headDim, string architecture)
    {
        CudaTools.RequireCompiler(architecture);
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        output.WriteLine("| variant | registers, of | budget | shared memory | least in flight | spills | main loop | HMMA | LDSM | EX2 | loads | votes |");
        output.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        KernelFacts[] facts = [.. Requests(headDim, architecture == "sm_90a" ? modes : [ThresholdMode.Off, ThresholdMode.PerSequence], new Random(seed))
            .SelectMany(request => VariantsOf(request, architecture)).AsParallel().AsOrdered().Select(variant => KernelFacts.Of(variant, architecture))];
        foreach (KernelFacts fact in facts)
        {
            output.WriteLine(RowOf(fact));
        }

        Assert.All(facts, fact =>
        {
            var variant = (DecodeVariant)fact.Variant;
            Assert.True(fact.SpilledBytes == 0 && fact.StackBytes == 0, $"{variant.Name} spills {fact.SpilledBytes} bytes and has a stack frame of {fact.StackBytes}.");
            Assert.True(fact.Remarks.Length == 0, $"{variant.Name}: {string.Join(' ', fact.Remarks)}");
            Assert.InRange(fact.Registers, 1, variant.EntryRegisters);
            // One copy of each product: the loop's last pass takes P·V by the same instructions.
            Assert.Equal(KernelFacts.ProductsOfAStep(variant), KernelFacts.Count(fact.Instructions, "HMMA"));
            // A thread's weights of a tile, and a factor for each of its two rows.
            Assert.Equal((variant.Request.KeyBlock / 2) + 2, KernelFacts.Count(fact.MainLoop, "MUFU.EX2"));
            bool votes = fact.MainLoop.Any(IsVote);
            Assert.True(votes == (variant.Request.Threshold != ThresholdMode.Off), $"{variant.Name} {(votes ? "votes" : "does not vote")}");
        });
    }

    /// <summary>One warp's vote is a vote of the warp, more warps' a voting barrier; nothing else in the main loop is either.</summary>
    private static bool IsVote(string instruction) => instruction.StartsWith("VOTE.", StringComparison.Ordinal) || instruction.StartsWith("BAR.RED", StringComparison.Ordinal);

    /// <summary>Each mode with all row capacities, contiguous and paged; the other values are drawn.</summary>
    private static IEnumerable<AttentionRequest> Requests(int headDim, ThresholdMode[] ofModes, Random random) =>
        from mode in ofModes
        from pageSize in new[] { 0, new[] { 16, 32, 64, 128 }[random.Next(4)] }
        let results = random.Next(8)
        select new AttentionRequest
        {
            Phase = AttentionPhase.Decode,
            HeadDim = headDim,
            QueryBlock = 64,
            KeyBlock = 64,
            Threshold = mode,
            Mask = (AttentionMask)random.Next(2),
            Element = (ElementType)random.Next(2),
            Targets = GpuTargets.Sm90,
            Order = TileOrder.Descending,
            KvLayout = pageSize == 0 ? KvLayout.Contiguous : KvLayout.Paged,
            PageSize = pageSize,
            MaxQueryLength = 8,
            CountTiles = (results & 1) != 0,
            RecordDecisions = (results & 2) != 0,
            ReturnLse = (results & 4) != 0,
        };

    private static IEnumerable<DecodeVariant> VariantsOf(AttentionRequest request, string architecture) =>
        Assert.IsType<VariantSelection.Selected>(architecture == "sm_90a" ? DecodeSelection.SelectSm90(request) : DecodeSelection.SelectSm100(request)).Variants.Cast<DecodeVariant>();

    private static string RowOf(KernelFacts facts)
    {
        var variant = (DecodeVariant)facts.Variant;
        return $"| {variant.Name} | {facts.Registers}, {variant.EntryRegisters} | {DecodeBudgets.Registers(variant)} | {variant.SharedMemoryBytes} "
            + $"| {DecodeBudgets.LeastBytesInFlight(variant)} | {facts.SpilledBytes} | {facts.MainLoop.Length} | {KernelFacts.Count(facts.MainLoop, "HMMA")} "
            + $"| {KernelFacts.Count(facts.MainLoop, "LDSM")} | {KernelFacts.Count(facts.MainLoop, "MUFU.EX2")} | {KernelFacts.Count(facts.MainLoop, "UTMALDG")} | {facts.MainLoop.Count(IsVote)} |";
    }
}
