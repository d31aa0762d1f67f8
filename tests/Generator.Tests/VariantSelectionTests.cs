using SkipSoftmax.Generator.Model;
using SkipSoftmax.Generator.Specialization;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator.Tests;

public class VariantSelectionTests
{
    public static TheoryData<ThresholdMode, int, int, int, string> Chosen => new()
    {
        // threshold, head dimension, query block, key block → warpgroups, keys, stages of K and V, threads, bytes of shared memory
        { ThresholdMode.Off, 64, 64, 64, "w3 k128 stages 2/2, 512 threads, 91136 bytes" },
        { ThresholdMode.Off, 64, 128, 64, "w2 k128 stages 2/2, 384 threads, 82944 bytes" },
        { ThresholdMode.Fixed, 64, 64, 64, "w3 k128 stages 2/2, 512 threads, 91136 bytes" },
        { ThresholdMode.Fixed, 64, 64, 128, "w3 k128 stages 2/3, 512 threads, 107520 bytes" },
        { ThresholdMode.Off, 64, 64, 128, "w2 k128 stages 2/2, 384 threads, 82944 bytes" },
        { ThresholdMode.Fixed, 64, 128, 128, "w2 k128 stages 2/2, 384 threads, 82944 bytes" },
        { ThresholdMode.Off, 128, 64, 64, "w3 k64 stages 4/4, 512 threads, 181248 bytes" },
        { ThresholdMode.Fixed, 128, 64, 64, "w3 k128 stages 2/3, 512 threads, 214016 bytes" },
        { ThresholdMode.Fixed, 128, 128, 64, "w2 k128 stages 2/2, 384 threads, 164864 bytes" },
        { ThresholdMode.Fixed, 128, 64, 128, "w3 k128 stages 2/3, 512 threads, 214016 bytes" },
        { ThresholdMode.Off, 128, 64, 128, "w2 k128 stages 2/2, 384 threads, 164864 bytes" },
        { ThresholdMode.Off, 192, 64, 64, "w2 k64 stages 2/2, 384 threads, 148480 bytes" },
        { ThresholdMode.Fixed, 192, 64, 64, "w2 k64 stages 2/2, 384 threads, 148480 bytes" },
        { ThresholdMode.Fixed, 192, 128, 128, "w2 k128 stages 2/1, 384 threads, 197632 bytes" },
        { ThresholdMode.Off, 256, 64, 64, "w2 k64 stages 2/2, 384 threads, 197632 bytes" },
        { ThresholdMode.Fixed, 256, 128, 64, "w2 k64 stages 2/2, 384 threads, 197632 bytes" },
    };

    public static TheoryData<ThresholdMode, int, string, int, int, string> TooBig => new()
    {
        { ThresholdMode.Fixed, 64, "registers of a consumer thread", 256, 232, "use KeyBlock = 64" },
        { ThresholdMode.Fixed, 128, "registers of a consumer thread", 256, 232, "use KeyBlock = 64" },
        { ThresholdMode.Off, 64, "registers of a consumer thread", 256, 232, "use KeyBlock = 64" },
    };

    [Theory]
    [MemberData(nameof(Chosen))]
    public void First_candidate_within_every_budget_is_chosen(ThresholdMode threshold, int headDim, int queryBlock, int keyBlock, string expected)
    {
        Sm90PrefillVariant variant = Choose(Requests.Default with { Threshold = threshold, HeadDim = headDim, QueryBlock = queryBlock, KeyBlock = keyBlock });

        Assert.Equal(expected,
            $"w{variant.ConsumerWarpgroups} k{variant.KeyTile} stages {variant.KeyStages}/{variant.ValueStages}, {variant.Threads} threads, {variant.SharedMemoryBytes} bytes");
    }

    [Theory]
    [MemberData(nameof(TooBig))]
    public void Request_that_fits_no_candidate_names_the_budget_and_the_change(
        ThresholdMode threshold, int queryBlock, string budget, int needed, int limit, string remedy)
    {
        AttentionRequest request = Requests.Default with { Threshold = threshold, HeadDim = 256, QueryBlock = queryBlock, KeyBlock = 128 };

        Assert.Equal(new VariantSelection.OverBudget(new(budget, needed, limit), remedy), Sm90PrefillSelection.Select(request));
        Assert.IsType<VariantSelection.Selected>(Sm90PrefillSelection.Select(request with { KeyBlock = 64 }));
    }

    [Fact]
    public void Head_dimension_96_has_no_sm90_kernel() =>
        Assert.Equal(new VariantSelection.UnsupportedHeadDim("64, 128, 192, 256"), Sm90PrefillSelection.Select(Requests.Default with { HeadDim = 96 }));

    [Theory]
    [InlineData(ThresholdMode.Off)]
    [InlineData(ThresholdMode.Fixed)]
    public void Consumer_registers_are_the_fragments_of_s_p_and_o_and_an_overhead(ThresholdMode threshold)
    {
        Sm90PrefillVariant variant = Sm90PrefillSelection.MakeVariant(Requests.Default with { Threshold = threshold, HeadDim = 192 }, 2, 64, 2, 2);

        Assert.Equal(32 + 16 + 96 + 32, Sm90PrefillBudgets.ConsumerRegisters(variant));
    }

    [Fact]
    public void Register_budget_is_broken_by_the_next_wider_tile()
    {
        // 3 · KEY_TILE/4 + 32 + 32 ≤ 232 ⇔ KEY_TILE ≤ 224, and ≤ 160 ⇔ KEY_TILE ≤ 128.
        Assert.Null(Overrun(headDim: 64, warpgroups: 2, keyTile: 224, keyStages: 1, valueStages: 1));
        Assert.Equal(new("registers of a consumer thread", 238, 232), Overrun(headDim: 64, warpgroups: 2, keyTile: 232, keyStages: 1, valueStages: 1));
        Assert.Null(Overrun(headDim: 64, warpgroups: 3, keyTile: 128, keyStages: 2, valueStages: 2));
        Assert.Equal(new("registers of a consumer thread", 166, 160), Overrun(headDim: 64, warpgroups: 3, keyTile: 136, keyStages: 2, valueStages: 2));
    }

    [Fact]
    public void Shared_memory_budget_is_broken_by_the_next_stage()
    {
        // D = 256: 65,536 + 32,768 · stages + 1024 ≤ 232,448 ⇔ stages ≤ 5.
        Assert.Null(Overrun(headDim: 256, warpgroups: 2, keyTile: 64, keyStages: 3, valueStages: 2));
        Assert.Equal(new("bytes of shared memory", 263_168, 232_448), Overrun(headDim: 256, warpgroups: 2, keyTile: 64, keyStages: 3, valueStages: 3));
    }

    [Fact]
    public void State_budget_is_broken_by_the_next_stage()
    {
        // 8 · (2 · (1 + stages of K + 2) + 1 · (2 + 1) + 1 + 4 · 2) + 4 · (4 · 8 + 14) ≤ 1024 ⇔ stages of K ≤ 43; a narrow head keeps the tiles small.
        AttentionRequest request = Requests.Default with { HeadDim = 8 };
        Assert.Null(Sm90PrefillBudgets.FindOverrun(Sm90PrefillSelection.MakeVariant(request, 2, 128, 43, 1)));
        Assert.Equal(new("bytes of barriers and votes", 1032, 1024),
            Sm90PrefillBudgets.FindOverrun(Sm90PrefillSelection.MakeVariant(request, 2, 128, 44, 1)));
    }

    [Theory]
    [InlineData(ThresholdMode.Off, 64, 1)]
    [InlineData(ThresholdMode.Fixed, 64, 2)]
    [InlineData(ThresholdMode.Fixed, 128, 1)]
    public void Only_a_kernel_that_skips_waits_for_each_decisions_part_of_v(ThresholdMode mode, int keyBlock, int unitsOfAStage)
    {
        AttentionRequest request = Requests.Default with { Threshold = mode, QueryBlock = 128, KeyBlock = keyBlock };

        Assert.Equal((8 * (10 + (2 * (unitsOfAStage + 1)) + 1 + 4)) + (4 * 46), Sm90PrefillBudgets.StateBytesUsed(Choose(request)));
    }

    [Theory]
    [InlineData(ThresholdMode.Off, 64, 64, 1)]
    [InlineData(ThresholdMode.Off, 128, 128, 1)]
    [InlineData(ThresholdMode.Fixed, 64, 128, 0)]
    [InlineData(ThresholdMode.Fixed, 128, 128, 0)]
    public void Weights_of_a_kernel_that_skips_lie_in_place_of_its_logits(ThresholdMode mode, int keyBlock, int keyTile, int steps)
    {
        Sm90PrefillVariant variant = Choose(Requests.Default with { Threshold = mode, HeadDim = 128, KeyBlock = keyBlock });

        Assert.Equal((keyTile, steps), (variant.KeyTile, variant.WeightSteps));
        Assert.Equal((keyTile / 2) + (steps * keyTile / 4) + 64 + 32, Sm90PrefillBudgets.ConsumerRegisters(variant));
    }

    [Theory]
    [InlineData(64, 64, 4, 12)]
    [InlineData(128, 64, 7, 3)]
    [InlineData(128, 128, 7, 3)]
    public void Warpgroups_whose_steps_are_in_place_vote_at_a_barrier_and_leave_a_word_each(int headDim, int keyBlock, int barriers, int wordsOfAVote)
    {
        Sm90PrefillVariant variant = Choose(Requests.Default with { Threshold = ThresholdMode.Fixed, HeadDim = headDim, KeyBlock = keyBlock });

        int stages = variant.ValueStages, units = variant.KeyTile / keyBlock, votes = variant.ValueStages == 2 ? 4 : 3;
        Assert.Equal(barriers, Sm90PrefillBudgets.NamedBarriers(variant));
        Assert.Equal(
            (8 * ((2 * (1 + variant.KeyStages + 2)) + (stages * (units + 1)) + 1 + (votes * 3))) + (4 * ((votes * wordsOfAVote) + 14)),
            Sm90PrefillBudgets.StateBytesUsed(variant));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Role_registers_are_what_the_hardware_can_reallocate(int warpgroups)
    {
        RoleRegisters registers = Sm90PrefillBudgets.Registers(warpgroups);
        Sm90PrefillVariant variant = Sm90PrefillSelection.MakeVariant(Requests.Default, warpgroups, 64, 1, 1);

        foreach (int count in new[] { registers.Consumer, registers.Producer })
        {
            Assert.Equal(0, count % HardwareLimits.RegisterReallocationStep);
            Assert.InRange(count, HardwareLimits.MinimumReallocatedRegisters, HardwareLimits.MaximumReallocatedRegisters);
        }
        Assert.True(Sm90PrefillBudgets.ReallocatedRegisters(variant) <= Sm90PrefillBudgets.RegistersAtEntry(variant));
        Assert.True(Sm90PrefillBudgets.RegistersAtEntry(variant) <= HardwareLimits.RegistersPerBlock);
        Assert.Equal(64 * warpgroups, variant.QueryTile);
        Assert.Equal(128 * (warpgroups + 1), variant.Threads);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Other_counts_of_consumer_warpgroups_are_refused(int warpgroups) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Sm90PrefillBudgets.Registers(warpgroups));

    [Fact]
    public void Every_request_gets_a_variant_within_its_budgets_or_a_reason()
    {
        int selected = 0;
        foreach (AttentionRequest request in Requests.EveryPrefillOnGpu())
        {
            switch (Sm90PrefillSelection.Select(request))
            {
                case VariantSelection.Selected { Variant: Sm90PrefillVariant variant }:
                    selected++;
                    Assert.Null(Sm90PrefillBudgets.FindOverrun(variant));
                    Assert.Equal(0, variant.KeyTile % request.KeyBlock);
                    Assert.Equal(0, variant.QueryTile % request.QueryBlock);
                    Assert.InRange(variant.SharedMemoryBytes, 1, HardwareLimits.SharedMemoryBytesPerBlock);
                    break;
                case VariantSelection.OverBudget { Overrun: var overrun }:
                    Assert.True(overrun.Needed > overrun.Limit, overrun.ToString());
                    break;
                case VariantSelection.UnsupportedHeadDim:
                    Assert.Equal(96, request.HeadDim);
                    break;
                case var other:
                    Assert.Fail($"{request}: {other}");
                    break;
            }
        }
        // Head dimensions 64, 128 and 192 in all four block sizes, 256 in two, times element, mask, threshold, order and three switches.
        Assert.Equal((4 + 4 + 4 + 2) * 2 * 2 * 5 * 3 * 8, selected);
    }

    [Fact]
    public void Names_and_texts_of_different_variants_differ()
    {
        TemplateLibrary templates = FakeTemplates.Library;
        Sm90PrefillVariant[] variants =
        [
            .. Requests.EveryPrefillOnGpu().Select(Sm90PrefillSelection.Select).OfType<VariantSelection.Selected>().Select(selected => (Sm90PrefillVariant)selected.Variant),
        ];

        Assert.Equal(variants.Length, variants.Select(variant => variant.Name).Distinct().Count());
        Assert.Equal(variants.Length, variants.Select(templates.Specialize).Distinct().Count());
    }

    [Fact]
    public void Shipped_templates_specialize_for_every_variant()
    {
        foreach (AttentionRequest request in Requests.EveryPrefillOnGpu())
        {
            if (Sm90PrefillSelection.Select(request) is VariantSelection.Selected { Variant: var variant })
            {
                string text = TemplateLibrary.Embedded.Specialize(variant);
                Assert.DoesNotContain("#include", text);
                Assert.Contains($"extern \"C\" __global__", text);
                Assert.Contains(variant.EntryPoint + "(", text);
            }
        }
    }

    private static Sm90PrefillVariant Choose(AttentionRequest request) =>
        (Sm90PrefillVariant)Assert.IsType<VariantSelection.Selected>(Sm90PrefillSelection.Select(request)).Variant;

    private static BudgetOverrun? Overrun(int headDim, int warpgroups, int keyTile, int keyStages, int valueStages) =>
        Sm90PrefillBudgets.FindOverrun(Sm90PrefillSelection.MakeVariant(
            Requests.Default with { HeadDim = headDim }, warpgroups, keyTile, keyStages, valueStages));
}
