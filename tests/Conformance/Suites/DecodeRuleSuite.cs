using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>The contract of decode (docs/decode.md) as claims about logits that are written down: tiles of 64 keys, 8 query tokens of one head unless said.</summary>
public abstract class DecodeRuleSuite<TBackend> : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    private const int Rows = 8;
    private const int Tile = 64;
    private const float Cold = -50;
    private const float Lambda = 0.01f;
    private const TileDecision Kept = TileDecision.Kept;
    private const TileDecision Skipped = TileDecision.Skipped;

    private static readonly AttentionSpecification Specification = CraftedCases.DecodeSpecification;

    [SkippableFact]
    public void Sink_tile_and_newest_tile_are_kept_however_low()
    {
        AssertDecisions([Kept, Kept, Kept], Craft(3, (_, tile) => tile == 1 ? 0 : Cold));
        AssertDecisions([Kept, Skipped, Kept], Craft(3, (_, tile) => tile == 0 ? 0 : Cold));
        AssertDecisions([Kept, Skipped, Kept], Craft(3, (_, tile) => tile == 2 ? 0 : Cold));
    }

    [SkippableFact]
    public void Tiles_are_judged_against_the_seeds_and_not_against_each_other()
    {
        // Tile 1 raises the maximum by 10, which would skip tiles 2 and 3 in either order of visiting.
        AssertDecisions([Kept, Kept, Kept, Kept, Kept], Craft(5, (_, tile) => tile == 1 ? 10 : 0));
        AssertDecisions([Kept, Kept, Skipped, Kept, Kept], Craft(5, (_, tile) => tile switch { 1 => 10, 2 => -5, _ => 0 }));
    }

    [SkippableFact]
    public void Either_seed_alone_decides()
    {
        float threshold = MathF.Log(Lambda);
        foreach (int hot in (int[])[0, 3])
        {
            AssertDecisions([Kept, Kept, Skipped, Kept], Craft(4, (_, tile) => tile == hot ? 2 : tile == 1 ? 2 + threshold + 0.01f : tile == 2 ? 2 + threshold - 0.01f : -20));
        }
    }

    [SkippableFact]
    public void One_row_above_the_threshold_keeps_the_tile_for_all()
    {
        for (int dissenter = 0; dissenter < Rows; dissenter++)
        {
            AssertDecisions([Kept, Kept, Kept], Craft(3, (row, tile) => tile != 1 || row == dissenter ? 0 : Cold));
        }
    }

    [SkippableFact]
    public void Query_heads_that_share_a_key_value_head_decide_together()
    {
        // One token of 4 query heads on one key/value head: only the last head wants tile 1.
        AttentionCase attentionCase = Craft(3, (row, tile) => tile != 1 || row == 3 ? 0 : Cold);
        HostTensor query = new(attentionCase.Query.Element, new(1, 1, 4, CraftedCases.HeadDim));
        for (int head = 0; head < 4; head++)
        {
            for (int dim = 0; dim < CraftedCases.HeadDim; dim++)
            {
                query[0, 0, head, dim] = attentionCase.Query[0, head, 0, dim];
            }
        }
        BackendResult result = Run(attentionCase with { Query = query });
        Assert.Equal([Kept, Kept, Kept], result.Decisions);
        Assert.Equal([new TileCounters(3, 0)], result.Counters);
    }

    [SkippableFact]
    public void Rows_past_the_end_never_vote()
    {
        AttentionCase attentionCase = Craft(3, (row, tile) => tile != 1 || row >= 4 ? 0 : Cold);
        AssertDecisions([Kept, Kept, Kept], attentionCase);
        AssertDecisions([Kept, Skipped, Kept], attentionCase with { QueryLengths = [4] });
    }

    [SkippableFact]
    public void Newest_tile_is_that_of_the_last_key_the_sequence_has()
    {
        // With 150 keys tile 2 is the newest; with 128 it is tile 1, and tile 2 is not visited.
        AttentionCase attentionCase = Craft(4, (_, tile) => tile == 0 ? 0 : Cold);
        AssertDecisions([Kept, Skipped, Kept, TileDecision.NotVisited], attentionCase with { KeyLengths = [150] });
        AssertDecisions([Kept, Kept, TileDecision.NotVisited, TileDecision.NotVisited], attentionCase with { KeyLengths = [128] });
        AssertDecisions([Kept, TileDecision.NotVisited, TileDecision.NotVisited, TileDecision.NotVisited], attentionCase with { KeyLengths = [1] });
    }

    [SkippableFact]
    public void Row_that_sees_no_key_of_the_newest_tile_is_judged_by_the_sink()
    {
        // Causal: of 129 keys, only the last of two rows sees key 128. Row 0's seed is the sink's −20, so that it keeps tile 1.
        AttentionCase attentionCase = Craft(3, (row, tile) => tile switch { 0 => -20, 1 => -22, _ => 0 },
            specification => specification with { Mask = AttentionMask.Causal }) with
        { KeyLengths = [129], QueryLengths = [2] };
        AssertDecisions([Kept, Kept, Kept], attentionCase);
        AssertDecisions([Kept, Skipped, Kept], attentionCase with { QueryLengths = [1] });
    }

    [SkippableFact]
    public void NaN_keeps_its_tile()
    {
        AttentionCase attentionCase = Craft(4, (_, tile) => tile == 0 ? 0 : Cold);
        AssertDecisions([Kept, Skipped, Skipped, Kept], attentionCase);
        attentionCase.Key[0, Tile + 5, 0, 0] = float.NaN;
        AssertDecisions([Kept, Kept, Skipped, Kept], attentionCase);
    }

    [SkippableFact]
    public void NaN_in_a_seed_keeps_every_tile_its_row_sees()
    {
        AttentionCase attentionCase = Craft(4, (_, tile) => tile == 0 ? 0 : Cold);
        attentionCase.Key[0, 3, 0, 2] = float.NaN; // row 2's dimension meets a 1, the others' a 0: NaN for all
        AssertDecisions([Kept, Kept, Kept, Kept], attentionCase);
    }

    [SkippableFact]
    public void Infinite_logit_keeps_its_tile()
    {
        AttentionCase attentionCase = Craft(3, (_, tile) => tile == 1 ? Cold : 0);
        attentionCase.Key[0, Tile, 0, 0] = float.PositiveInfinity;
        AssertDecisions([Kept, Kept, Kept], attentionCase);
    }

    [SkippableFact]
    public void Zero_threshold_gives_the_bits_of_Off()
    {
        AttentionCase zero = Warm(7) with { ThresholdValue = 0 };
        AssertSameBits(Run(zero with { Specification = zero.Specification with { Threshold = ThresholdMode.Off } }), Run(zero));
    }

    [SkippableFact]
    public void Skipped_tile_never_changes_kept_output()
    {
        AttentionCase attentionCase = Warm(9);
        BackendResult before = Run(attentionCase);
        Assert.Contains(Skipped, before.Decisions);
        for (int key = 0; key < attentionCase.KeyLengthOf(0); key++)
        {
            for (int dim = 0; before.Decisions[key / Tile] == Skipped && dim < CraftedCases.HeadDim; dim++)
            {
                attentionCase.Key[0, key, 0, dim] *= 0.5f;
                attentionCase.Value[0, key, 0, dim] = float.NaN; // it is never read
            }
        }
        AssertSameBits(before, Run(attentionCase));
    }

    [SkippableFact]
    public void Order_means_nothing()
    {
        AttentionCase attentionCase = Warm(9);
        BackendResult descending = Run(attentionCase);
        AssertSameBits(descending, Run(attentionCase with { Specification = attentionCase.Specification with { Order = TileOrder.Ascending } }));
    }

    [SkippableFact]
    public void Sequence_without_keys_gives_zeros_and_LSE_of_minus_infinity()
    {
        BackendResult result = Run(Craft(1, (_, _) => float.NaN) with { KeyLengths = [0] });
        Assert.All(result.Lse, lse => Assert.Equal(float.NegativeInfinity, lse));
        Assert.All(result.Output.ReadHead(0, 0, Rows), element => Assert.Equal(0, element));
        Assert.Equal([new TileCounters(0, 0)], result.Counters);
        Assert.Equal([TileDecision.NotVisited], result.Decisions);
    }

    [SkippableFact]
    public void Row_whose_keys_are_all_masked_gives_zeros()
    {
        BackendResult result = Run(Craft(1, (_, _) => 1, specification => specification with { Mask = AttentionMask.Causal }) with { KeyLengths = [3] });
        for (int row = 0; row < Rows; row++)
        {
            Assert.Equal(row < Rows - 3, float.IsNegativeInfinity(result.Lse[row]));
            Assert.Equal(row < Rows - 3, Enumerable.Range(0, CraftedCases.HeadDim).All(dim => result.Output[0, row, 0, dim] == 0));
        }
    }

    [SkippableTheory]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(128)]
    public void Pages_give_the_bits_of_contiguous_keys_and_values(int pageSize)
    {
        Skip.IfNot(Capabilities.PageSizes.Contains(pageSize), $"{Backend.Name} has no pages of {pageSize}.");
        AttentionCase contiguous = Warm(8) with { KeyLengths = [477] };
        AttentionCase paged = contiguous with
        {
            Specification = contiguous.Specification with { KvLayout = KvLayout.Paged, PageSize = pageSize },
            Paging = new() { Seed = pageSize },
        };
        BackendResult expected = Run(contiguous), actual = Run(paged);
        Assert.True(expected.Output.Bytes.SequenceEqual(actual.Output.Bytes), "The outputs differ.");
        AssertSameLse(expected, actual);
        Assert.Equal(expected.Decisions, actual.Decisions);
        BackendResult headsOuter = Run(paged with { Paging = paged.Paging! with { TokensWithinHeads = true, SpareEntries = 2, Gap = 8 } });
        Assert.True(expected.Output.Bytes.SequenceEqual(headsOuter.Output.Bytes), "The outputs of the other layout differ.");
    }

    [SkippableTheory]
    [InlineData(ThresholdMode.ContextScaled)]
    [InlineData(ThresholdMode.PerSequence)]
    [InlineData(ThresholdMode.TargetSparsity)]
    public void Threshold_modes_agree_where_their_lambdas_agree(ThresholdMode mode)
    {
        AttentionCase asFixed = Warm(9) with { ThresholdValue = 1 / 64f };
        BackendResult expected = Run(asFixed);
        Assert.Contains(Skipped, expected.Decisions);
        AssertSameBits(expected, Run(asFixed with
        {
            Specification = asFixed.Specification with { Threshold = mode },
            ThresholdValue = asFixed.KeyLengthOf(0) / 64f,
            SequenceThresholds = [1 / 64f],
        }));
    }

    /// <summary>Row r's logit on every key of tile t is <paramref name="logit"/>(r, t).</summary>
    private AttentionCase Craft(int tiles, Func<int, int, float> logit, Func<AttentionSpecification, AttentionSpecification>? specify = null) =>
        CraftedCases.FromLogits(Capabilities, Rows, tiles * Tile, (row, key) => logit(row, key / Tile), specify?.Invoke(Specification) ?? Specification, Lambda);

    /// <summary>Real-valued logits; every second tile is cold.</summary>
    private AttentionCase Warm(int tiles)
    {
        Random random = new(tiles);
        AttentionCase attentionCase = Craft(tiles, (_, _) => 0);
        for (int dim = 0; dim < CraftedCases.HeadDim; dim++)
        {
            for (int row = 0; row < Rows; row++)
            {
                attentionCase.Query[0, row, 0, dim] = RandomCases.Normal(random) + 1;
            }
            for (int key = 0; key < tiles * Tile; key++)
            {
                attentionCase.Key[0, key, 0, dim] = (RandomCases.Normal(random) + 1) * (key / Tile % 2 == 0 ? 0.25f : 0.0125f);
            }
        }
        return attentionCase;
    }

    private void AssertDecisions(TileDecision[] expected, AttentionCase attentionCase) => Assert.Equal(expected, Run(attentionCase).Decisions);
}
