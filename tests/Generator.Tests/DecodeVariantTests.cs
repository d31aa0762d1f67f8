using SkipSoftmax.Generator.Model;
using SkipSoftmax.Generator.Specialization;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator.Tests;

public class DecodeVariantTests
{
    private static readonly GpuTargets[] targets = [GpuTargets.Sm90, GpuTargets.Sm100];

    private static readonly AttentionRequest Decode = Requests.Default with { Phase = AttentionPhase.Decode };

    [Theory]
    [InlineData(1, "16")]
    [InlineData(2, "16, 32")]
    [InlineData(3, "16, 32, 64")]
    [InlineData(4, "16, 32, 64")]
    [InlineData(5, "16, 32, 64, 128")]
    [InlineData(8, "16, 32, 64, 128")]
    public void One_kernel_for_each_row_capacity_that_a_group_of_up_to_16_can_need(int queries, string rows)
    {
        EquatableArray<KernelVariant> variants = Select(Decode with { MaxQueryLength = queries });

        Assert.Equal(rows, string.Join(", ", variants.Select(variant => variant.QueryTile)));
    }

    [Theory] // of both targets
    [InlineData(64, "r16 8×3, 256 threads, 230400 | r32 4×6, 256 threads, 226304 | r64 2×12, 256 threads, 217088 | r128 1×15, 256 threads, 125952")]
    [InlineData(128, "r16 4×3, 128 threads, 224256 | r32 3×3, 192 threads, 184320 | r64 2×5, 256 threads, 200704 | r128 1×12, 256 threads, 199680")]
    [InlineData(256, "r16 2×3, 64 threads, 231424 | r32 2×2, 128 threads, 198656 | r64 1×6, 128 threads, 231424 | r128 1×5, 256 threads, 232448")]
    public void Shapes_are_teams_and_stages_that_fill_shared_memory(int headDim, string expected) =>
        Assert.All(targets, target => Assert.Equal(expected, string.Join(" | ", Select(Decode with { HeadDim = headDim, MaxQueryLength = 8, Targets = target }).Cast<DecodeVariant>().Select(variant =>
            $"r{variant.Rows} {variant.Teams}×{variant.Stages}, {variant.Threads} threads, {variant.SharedMemoryBytes}"))));

    [Fact]
    public void Every_request_gets_kernels_within_their_budgets()
    {
        foreach (AttentionRequest request in EveryRequest())
        {
            foreach (DecodeVariant variant in Select(request).Cast<DecodeVariant>())
            {
                Assert.Null(DecodeBudgets.FindOverrun(variant));
                Assert.InRange(DecodeBudgets.LeastBytesInFlight(variant), variant.BytesInFlight, variant.SharedMemoryBytes);
                Assert.True(variant.Threads * variant.EntryRegisters <= HardwareLimits.RegistersPerBlock);
                Assert.Equal(0, request.KeyBlock % variant.KeyTile);
            }
        }
    }

    [Fact]
    public void Budgets_are_broken_by_the_next_stage_and_the_next_wider_head()
    {
        Assert.Equal("bytes of shared memory", Overrun(128, rows: 16, teams: 4, stages: 4)?.Budget);
        Assert.Equal("bytes that must be in flight", Overrun(64, rows: 16, teams: 2, stages: 2)?.Budget);
        // 512 / 2 + 64 / 2 + 2 · 64 / 4 + 48 registers.
        Assert.Equal(new("registers of a thread", 368, 255), Overrun(512, rows: 16, teams: 1, stages: 2));
    }

    [Fact]
    public void Names_and_texts_of_different_variants_differ()
    {
        DecodeVariant[] variants = [.. EveryRequest().SelectMany(request => Select(request)).Cast<DecodeVariant>()];

        Assert.Equal(variants.Length, variants.Select(variant => variant.Name).Distinct().Count());
        Assert.Equal(variants.Length, variants.Select(TemplateLibrary.Embedded.Specialize).Distinct().Count());
    }

    [Fact]
    public void Longest_query_changes_how_many_kernels_there_are_and_not_their_texts()
    {
        EquatableArray<KernelVariant> few = Select(Decode), many = Select(Decode with { MaxQueryLength = 8 });

        Assert.Equal(TemplateLibrary.Embedded.Specialize(few[0]), TemplateLibrary.Embedded.Specialize(many[0]));
    }

    private static EquatableArray<KernelVariant> Select(AttentionRequest request) => Assert.IsType<VariantSelection.Selected>(KernelFamilies.Find(request.Targets, AttentionPhase.Decode).Select(request)).Variants;

    private static BudgetOverrun? Overrun(int headDim, int rows, int teams, int stages) =>
        DecodeBudgets.FindOverrun(new Sm90DecodeVariant
        {
            Request = Decode with { HeadDim = headDim },
            Rows = rows,
            Teams = teams,
            Stages = stages,
        });

    private static IEnumerable<AttentionRequest> EveryRequest() =>
        from target in targets
        from headDim in new[] { 64, 128, 256 }
        from pageSize in new[] { 0, 16, 32, 64, 128 }
        from element in new[] { ElementType.Float16, ElementType.BFloat16 }
        from mask in Enum.GetValues<AttentionMask>()
        from threshold in Enum.GetValues<ThresholdMode>()
        from switches in new[] { 0, 1, 2, 4, 7 }
        select Decode with
        {
            Targets = target,
            HeadDim = headDim,
            KvLayout = pageSize == 0 ? KvLayout.Contiguous : KvLayout.Paged,
            PageSize = pageSize,
            Element = element,
            Mask = mask,
            Threshold = threshold,
            MaxQueryLength = 8,
            CountTiles = (switches & 1) != 0,
            RecordDecisions = (switches & 2) != 0,
            ReturnLse = (switches & 4) != 0,
        };
}
