using SkipSoftmax.Generator.Model;
using SkipSoftmax.Generator.Specialization;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator.Tests;

public class Sm100PrefillVariantTests
{
    private static readonly AttentionRequest Default = Requests.Default with { Targets = GpuTargets.Sm100 };

    [Theory]
    [InlineData(64, "stages 4/4, 512 threads, 165888 bytes, 384 of 512 columns")]
    [InlineData(128, "stages 3/2, 512 threads, 231424 bytes, 512 of 512 columns")]
    public void Stages_fill_what_the_budgets_leave(int headDim, string expected)
    {
        Sm100PrefillVariant variant = Choose(Default with { HeadDim = headDim });

        Assert.Equal(expected, $"stages {variant.KeyStages}/{variant.ValueStages}, {variant.Threads} threads, {variant.SharedMemoryBytes} bytes, "
            + $"{Sm100PrefillBudgets.TensorColumns(variant)} of {Sm100PrefillBudgets.AllocatedTensorColumns(variant)} columns");
        Assert.Equal((256, 128, 128, 64), (variant.QueryTile, variant.QueryBox, variant.KeyTile, variant.ValueBox));
    }

    [Theory]
    [InlineData(192, 640)]
    [InlineData(256, 768)]
    public void Wide_heads_lack_columns_of_tensor_memory(int headDim, int columns) => Assert.Equal(
        new VariantSelection.OverBudget(
            new("columns of tensor memory for two query tiles", columns, 512), "use HeadDim 64 or 128, or remove the target", nameof(AttentionRequest.HeadDim)),
        Sm100PrefillSelection.Select(Default with { HeadDim = headDim }));

    [Fact]
    public void Head_dimension_96_has_no_sm100_kernel() =>
        Assert.Equal(new VariantSelection.UnsupportedHeadDim("64, 128"), Sm100PrefillSelection.Select(Default with { HeadDim = 96 }));

    [Fact]
    public void Shared_memory_budget_is_broken_by_the_next_stage()
    {
        // D = 128: 65,536 + 32,768 · stages + 2,048 ≤ 232,448 ⇔ stages ≤ 5.
        Assert.Null(Sm100PrefillBudgets.FindOverrun(Sm100PrefillSelection.MakeVariant(Default, 3, 2)));
        Assert.Equal(new("bytes of shared memory", 264_192, 232_448), Sm100PrefillBudgets.FindOverrun(Sm100PrefillSelection.MakeVariant(Default, 3, 3)));
    }

    [Fact]
    public void State_budget_is_broken_by_the_next_stage()
    {
        // 8 · (2 · (1 + stages of K + 2) + 1 · (2 + 1) + 1 + 4 · 4 + 8) + 4 · (32 + 256 + 14 + 1) ≤ 2,048 ⇔ stages of K ≤ 35; a narrow head keeps the tiles small.
        AttentionRequest request = Default with { HeadDim = 8 };
        Assert.Null(Sm100PrefillBudgets.FindOverrun(Sm100PrefillSelection.MakeVariant(request, 35, 1)));
        Assert.Equal(new("bytes of barriers, votes and factors", 2060, 2048), Sm100PrefillBudgets.FindOverrun(Sm100PrefillSelection.MakeVariant(request, 36, 1)));
    }

    [Fact]
    public void Role_registers_are_what_the_hardware_can_reallocate()
    {
        foreach (int count in new[] { Sm100PrefillBudgets.SoftmaxRegisters, Sm100PrefillBudgets.CorrectionRegisters, Sm100PrefillBudgets.ProducerRegisters })
        {
            Assert.Equal(0, count % HardwareLimits.RegisterReallocationStep);
            Assert.InRange(count, HardwareLimits.MinimumReallocatedRegisters, HardwareLimits.MaximumReallocatedRegisters);
        }
        Assert.Equal(Sm100PrefillBudgets.RegistersAtEntry(Choose(Default)), Sm100PrefillBudgets.ReallocatedRegisters);
        Assert.Equal(HardwareLimits.RegistersPerBlock, Sm100PrefillBudgets.ReallocatedRegisters);
    }

    [Fact]
    public void Every_request_gets_a_variant_within_its_budgets_or_a_reason()
    {
        List<Sm100PrefillVariant> selected = [];
        foreach (AttentionRequest request in Requests.EveryPrefillOnGpu())
        {
            switch (Sm100PrefillSelection.Select(request))
            {
                case VariantSelection.Selected { Variant: Sm100PrefillVariant variant }:
                    selected.Add(variant);
                    Assert.Null(Sm100PrefillBudgets.FindOverrun(variant));
                    Assert.Equal(0, variant.KeyTile % request.KeyBlock);
                    break;
                case VariantSelection.OverBudget { Overrun: var overrun }:
                    Assert.True(overrun.Needed > overrun.Limit && request.HeadDim > 128, overrun.ToString());
                    break;
                default:
                    Assert.Equal(96, request.HeadDim);
                    break;
            }
        }
        // Two head dimensions in four block sizes, times element, mask, threshold, order and three switches.
        Assert.Equal(2 * 4 * 2 * 2 * 5 * 3 * 8, selected.Count);
        Assert.Equal(selected.Count, selected.Select(variant => variant.Name).Distinct().Count());
        Assert.Equal(selected.Count, selected.Select(FakeTemplates.Library.Specialize).Distinct().Count());
        Assert.All(selected, variant =>
        {
            string text = TemplateLibrary.Embedded.Specialize(variant);
            Assert.DoesNotContain("#include", text);
            Assert.Contains(variant.EntryPoint + "(", text);
        });
    }

    private static Sm100PrefillVariant Choose(AttentionRequest request) =>
        (Sm100PrefillVariant)Assert.IsType<VariantSelection.Selected>(Sm100PrefillSelection.Select(request)).Variant;
}
