using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Simulation;

/// <summary>The exact counts can fail: kernels whose answers are right but who do work that skipping is to save.</summary>
public sealed class WorkCountSensitivityTests : BackendSuite<SimulatorBackend>
{
    private static readonly AttentionSpecification specification =
        CraftedCases.Specification with { Element = ElementType.Float16, Mask = AttentionMask.Causal };

    /// <summary>Changes of the kernel's text, and the one count that each of them raises.</summary>
    public static TheoryData<string, string, string> Wastes => new()
    {
        // V of every unit that is due, wanted or not.
        { "u32 fresh = kept & ~loaded;", "u32 fresh = step.units & ~loaded;", nameof(WorkCounts.ValueBytes) },
        // Exponentials before it is known whether they are wanted.
        {
            "u32 kept = decide_together<PLAIN>(step, tile, limits);",
            """
            float early[LOGITS];
            for (int i = 0; i < LOGITS; ++i) {
                early[i] = logits[i];
            }
            float sums[2][2] = {};
            exponentiate_unit(early, 0, arguments.scale_log2, rows.offset, sums);
            u32 kept = decide_together<PLAIN>(step, tile, limits);
            """,
            nameof(WorkCounts.Exponentials)
        },
    };

    [SkippableTheory]
    [MemberData(nameof(Wastes))]
    public void Waste_is_caught(string text, string changed, string count)
    {
        RequireAvailable();
        EmittedKernel kernel = EmittedKernel.Of(specification);
        Assert.Equal(2, kernel.Text.Split(text).Length);
        AttentionCase attentionCase = RandomCases.Create(0, Capabilities, new()
        {
            Specification = specification,
            Lengths = (200, 1000),
            ColdShare = 0.7f,
            HotEnds = true,
            Locality = 0,
            Scale = 1,
            Lambda = 0.1f,
            NonFinite = false,
        });

        SimulatedRun run = SimulatorBackend.Run(
            attentionCase, KernelLibrary.Of(kernel with { Text = kernel.Text.Replace(text, changed, StringComparison.Ordinal) }), Schedule.Of(attentionCase.Name));

        WorkCounts expected = Backend.ExpectedWork(attentionCase, run.Result.Decisions);
        WorkCounts counted = run.Counters.Work;
        Assert.True(expected != counted);
        object Of(WorkCounts counts) => typeof(WorkCounts).GetProperty(count)!.GetValue(counts)!;
        Assert.True((ulong)Of(counted) > (ulong)Of(expected));
    }
}
