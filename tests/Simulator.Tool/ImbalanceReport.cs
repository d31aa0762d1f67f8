using System.Globalization;
using SkipSoftmax.Conformance;

namespace SkipSoftmax.Simulation;

/// <summary>
/// How evenly the work of a causal prompt with real skipping falls on an H200's multiprocessors: the decisions are the CPU path's on the real
/// tensors, what each work tile costs at them is the kernel's (<see cref="TiledPrefill"/>, equal to the simulator's counters), and the tiles are
/// handed out as the kernel does it and, for comparison, in fixed turns.
/// </summary>
internal static class ImbalanceReport
{
    private const int Multiprocessors = 132;

    /// <summary>Times the heads at hand are repeated, so that a launch has as many as a small model's layer.</summary>
    private const int Copies = 4;

    private static readonly string[] files = ["tech-layer14-kv0-4k", "tech-layer22-kv0-4k", "code-layer05-kv1-4k"];

    /// <summary>Prints a table in Markdown.</summary>
    public static void Print(TextWriter output)
    {
        output.WriteLine("| order | λ | skipped | by head | work of a tile, least to most (MFLOP) | largest share ÷ mean: from the counter | in fixed turns |");
        output.WriteLine("| --- | --- | --- | --- | --- | --- | --- |");
        foreach (float lambda in new[] { 0, 0.01f, 0.05f })
        {
            foreach (TileOrder order in Enum.GetValues<TileOrder>())
            {
                output.WriteLine(Row(order, lambda));
            }
        }
        output.WriteLine();
        output.WriteLine($"{Copies} × {files.Length} files of 3 query heads, 4,096 tokens, d 64, causal, decisions of 64 × 64, {Multiprocessors} CTAs.");
    }

    private static string Row(TileOrder order, float lambda)
    {
        AttentionCase[] cases =
        [
            .. files.Select(file => RealTensorCases.Load(file, keyBlock: 64, ThresholdMode.Fixed, order, ElementType.Float16) with { ThresholdValue = lambda }),
        ];
        Descriptors.GpuKernel kernel = EmittedKernel.Of(cases[0].Specification).Kernel;
        TiledPrefill prefill = TiledPrefill.Of(kernel);
        CpuPathBackend cpu = new();
        BackendResult[] results = [.. cases.Select(attentionCase => cpu.Run(attentionCase))];
        ulong[][] heads = [.. cases.Zip(results).SelectMany(pair => WorkTileCosts.OfEachHead(prefill, pair.First, pair.Second.Decisions))];
        ulong[] costs = WorkTileCosts.Interleave([.. Enumerable.Repeat(heads, Copies).SelectMany(all => all)]);

        TileCounters[] counters = [.. results.SelectMany(result => result.Counters)];
        double[] sparsities = [.. counters.Select(head => (double)head.Skipped / head.Visited)];
        double sparsity = counters.Sum(head => (double)head.Skipped) / counters.Sum(head => (double)head.Visited);
        return string.Create(CultureInfo.InvariantCulture, $"| {order} | {lambda} | {sparsity:p1} | {sparsities.Min():p0}–{sparsities.Max():p0} | {costs.Min() / 1e6:f0}–{costs.Max() / 1e6:f0} "
            + $"| {WorkAssignment.Imbalance(WorkAssignment.FromCounter(costs, Multiprocessors)):f3} | {WorkAssignment.Imbalance(WorkAssignment.Static(costs, Multiprocessors)):f3} |");
    }
}
