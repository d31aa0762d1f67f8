using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>Every consequence that the contract lists under "The rule", as a claim about logits that are written down. Of prefill;
/// <see cref="DecodeRuleSuite{TBackend}"/> has those of decode.</summary>
public abstract class RuleSuite<TBackend> : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    private const float Cold = -50;
    private const float Lambda = 0.01f;

    private static readonly AttentionSpecification Specification = CraftedCases.Specification;

    public static TheoryData<TileOrder> Orders => [.. Enum.GetValues<TileOrder>()];

    [SkippableTheory]
    [MemberData(nameof(Orders))]
    public void Zero_threshold_gives_the_bits_of_Off(TileOrder order)
    {
        AttentionCase zero = Grouped(order) with { ThresholdValue = 0 };
        AttentionCase off = zero with { Specification = zero.Specification with { Threshold = ThresholdMode.Off } };
        AssertSameBits(Run(off), Run(zero));
    }

    [SkippableTheory]
    [MemberData(nameof(Orders))]
    public void Replaying_only_the_kept_tiles_densely_gives_the_same_bits(TileOrder order)
    {
        AttentionCase skipping = Grouped(order);
        BackendResult result = Run(skipping);
        bool IsKept(int key) => result.Decisions[key / Specification.KeyBlock] == TileDecision.Kept;
        Assert.All(Enumerable.Range(0, skipping.KeyLengthOf(0)), key => Assert.Equal(IsKept(key / GroupKeys * GroupKeys), IsKept(key)));
        int[] keptKeys = [.. Enumerable.Range(0, skipping.KeyLengthOf(0)).Where(IsKept)];
        Assert.InRange(keptKeys.Length, 1, skipping.KeyLengthOf(0) - 1);

        BackendResult replay = Run(skipping with
        {
            Key = Gather(skipping.Key, keptKeys),
            Value = Gather(skipping.Value, keptKeys),
            Specification = skipping.Specification with { Threshold = ThresholdMode.Off },
        });
        Assert.True(replay.Output.Bytes.SequenceEqual(result.Output.Bytes), "The outputs differ.");
        AssertSameLse(replay, result);
    }

    [SkippableTheory]
    [MemberData(nameof(Orders))]
    public void Skipped_tile_never_changes_kept_output(TileOrder order)
    {
        AttentionCase attentionCase = Grouped(order);
        BackendResult before = Run(attentionCase);
        Assert.Contains(TileDecision.Skipped, before.Decisions);
        for (int key = 0; key < attentionCase.KeyLengthOf(0); key++)
        {
            for (int dim = 0; before.Decisions[key / Specification.KeyBlock] == TileDecision.Skipped && dim < CraftedCases.HeadDim; dim++)
            {
                attentionCase.Key[0, key, 0, dim] *= 0.5f;
                attentionCase.Value[0, key, 0, dim] = float.NaN; // it is never read
            }
        }
        AssertSameBits(before, Run(attentionCase));
    }

    /// <summary>A tile that leaves the maximum where it was rescales by exactly 1: a rounding there would be the same in each step and add up.</summary>
    [SkippableFact]
    public void Keys_without_weight_never_change_a_bit()
    {
        const int keys = 16 * GroupKeys;
        const int hotFrom = keys - GroupKeys;
        AttentionCase dense = Craft(keys, (row, key) => key < hotFrom ? -200 : 3 + (0.37f * row) - (0.01f * (key - hotFrom)),
            specification => specification with { Threshold = ThresholdMode.Off });
        BackendResult hotAlone = Run(dense with
        {
            Key = Gather(dense.Key, [.. Enumerable.Range(hotFrom, GroupKeys)]),
            Value = Gather(dense.Value, [.. Enumerable.Range(hotFrom, GroupKeys)]),
        });
        BackendResult all = Run(dense);
        AssertSameLse(hotAlone, all);
        Assert.True(hotAlone.Output.Bytes.SequenceEqual(all.Output.Bytes), "The outputs differ.");
    }

    [SkippableFact]
    public void Row_whose_keys_are_all_masked_gives_zeros_and_LSE_of_minus_infinity()
    {
        const int keys = 3;
        AttentionCase attentionCase = Craft(keys, (_, _) => 1, specification => specification with { Mask = AttentionMask.Causal });
        BackendResult result = Run(attentionCase);
        int maskedRows = Rows - keys;
        for (int row = 0; row < Rows; row++)
        {
            Assert.Equal(row < maskedRows, float.IsNegativeInfinity(result.Lse[row]));
            Assert.Equal(row < maskedRows, Enumerable.Range(0, CraftedCases.HeadDim).All(dim => result.Output[0, row, 0, dim] == 0));
        }
    }

    [SkippableFact]
    public void Sequence_without_keys_gives_zeros_and_LSE_of_minus_infinity()
    {
        BackendResult result = Run(Craft(64, (_, _) => float.NaN) with { KeyLengths = [0] });
        Assert.All(result.Lse, lse => Assert.Equal(float.NegativeInfinity, lse));
        Assert.All(result.Output.ReadHead(0, 0, Rows), element => Assert.Equal(0, element));
        Assert.Equal([new TileCounters(0, 0)], result.Counters);
        Assert.Equal([TileDecision.NotVisited], result.Decisions);
    }

    [SkippableFact]
    public void Rows_past_the_end_never_vote()
    {
        int valid = Rows / 2;
        AttentionCase attentionCase = Craft(128, (row, key) => key >= 64 || row >= valid ? 0 : Cold);
        AssertDecisions([TileDecision.Kept, TileDecision.Kept], Run(attentionCase));
        AssertDecisions([TileDecision.Skipped, TileDecision.Kept], Run(attentionCase with { QueryLengths = [valid] }));
    }

    [SkippableFact]
    public void Keys_past_the_end_never_count()
    {
        AttentionCase whole = Craft(128, (_, key) => key % 7);
        AttentionCase cut = Craft(128, (_, key) => key < 100 ? key % 7 : float.NaN) with { KeyLengths = [100] };
        AttentionCase exact = whole with { Key = Gather(whole.Key, [.. Enumerable.Range(0, 100)]), Value = Gather(whole.Value, [.. Enumerable.Range(0, 100)]) };
        for (int dim = 0; dim < CraftedCases.HeadDim; dim++)
        {
            cut.Value[0, 100, 0, dim] = float.NaN;
        }
        AssertSameBits(Run(exact), Run(cut));
    }

    [SkippableFact]
    public void NaN_in_a_key_keeps_its_tile()
    {
        AttentionCase attentionCase = Craft(192, (_, key) => key >= 128 ? 0 : Cold);
        AssertDecisions([TileDecision.Skipped, TileDecision.Skipped, TileDecision.Kept], Run(attentionCase));
        attentionCase.Key[0, 0, 0, 0] = float.NaN;
        AssertDecisions([TileDecision.Kept, TileDecision.Skipped, TileDecision.Kept], Run(attentionCase));
    }

    [SkippableFact]
    public void NaN_in_a_query_keeps_every_tile_and_stays_in_its_row()
    {
        AttentionCase attentionCase = Craft(192, (_, key) => key >= 128 ? 0 : Cold);
        attentionCase.Query[0, 1, 0, 5] = float.NaN;
        BackendResult result = Run(attentionCase);
        AssertDecisions([TileDecision.Kept, TileDecision.Kept, TileDecision.Kept], result);
        for (int row = 0; row < Rows; row++)
        {
            Assert.Equal(row == 1, float.IsNaN(result.Lse[row]));
            Assert.Equal(row == 1, float.IsNaN(result.Output[0, row, 0, 0]));
        }
    }

    [SkippableFact]
    public void Logit_of_plus_infinity_keeps_its_tile()
    {
        AttentionCase attentionCase = OneGroup(128, key => key >= 64 ? 0 : Cold);
        AssertDecisions([TileDecision.Skipped, TileDecision.Kept], Run(attentionCase));
        attentionCase.Key[0, 0, 0, 0] = float.PositiveInfinity;
        AssertDecisions([TileDecision.Kept, TileDecision.Kept], Run(attentionCase));
    }

    [SkippableFact]
    public void Infinity_times_zero_keeps_its_tile()
    {
        AttentionCase attentionCase = OneGroup(128, key => key >= 64 ? 0 : Cold);
        attentionCase.Key[0, 0, 0, 1] = float.NegativeInfinity; // meets a 0 of every query: NaN
        AssertDecisions([TileDecision.Kept, TileDecision.Kept], Run(attentionCase));
    }

    [SkippableFact]
    public void Tile_of_minus_infinity_logits_is_skipped() =>
        AssertDecisions([TileDecision.Skipped, TileDecision.Kept], Run(OneGroup(128, key => key >= 64 ? 0 : float.NegativeInfinity)));

    [SkippableFact]
    public void Row_without_a_key_in_the_tile_agrees_to_skip()
    {
        // Rows 0 … 63 see nothing of key block 1, which is cold for the others.
        BackendResult result = Run(Craft(128, 128, (_, key) => key < 64 ? 0 : Cold, specification => specification with
        {
            QueryBlock = 128,
            Mask = AttentionMask.Causal,
            Order = TileOrder.Ascending,
        }));
        AssertDecisions([TileDecision.Kept, TileDecision.Skipped], result);
    }

    [SkippableFact]
    public void Row_without_a_key_in_the_tile_agrees_to_skip_even_after_a_NaN()
    {
        AttentionCase attentionCase = Craft(128, 128, (_, key) => key < 64 ? 0 : Cold, specification => specification with
        {
            QueryBlock = 128,
            Mask = AttentionMask.Causal,
            Order = TileOrder.Ascending,
        });
        attentionCase.Query[0, 3, 0, 0] = float.NaN;
        AssertDecisions([TileDecision.Kept, TileDecision.Skipped], Run(attentionCase));
    }

    [SkippableFact]
    public void Row_that_has_seen_no_key_keeps_its_first_one()
    {
        // Descending: key block 1 comes first, where rows 0 … 63 see nothing. Block 0 is all they have, and it is as low as can be.
        BackendResult result = Run(Craft(128, 128, (row, key) => key >= 64 ? 0 : row < 64 ? -60_000 : Cold, specification => specification with
        {
            QueryBlock = 128,
            Mask = AttentionMask.Causal,
        }));
        AssertDecisions([TileDecision.Kept, TileDecision.Kept], result);
        Assert.Equal(-60_000, result.Lse[0]);
    }

    [SkippableFact]
    public void First_tile_is_kept_however_low() =>
        AssertDecisions([TileDecision.Kept, TileDecision.Kept], Run(Craft(128, (_, key) => key >= 64 ? -60_000 : 0)));

    [SkippableFact]
    public void Running_maximum_is_the_true_one()
    {
        // e^-3 · e^4 between the second and the third tile: a maximum that is updated only after a rise of 8 in log2 units would keep the third.
        float[] maxima = [0.5f, 4, 0];
        BackendResult result = Run(Craft(192, (_, key) => maxima[key / 64]) with { ThresholdValue = MathF.Exp(-3) });
        AssertDecisions([TileDecision.Skipped, TileDecision.Kept, TileDecision.Kept], result);
    }

    [SkippableFact]
    public void Skipped_tile_never_raises_the_running_maximum()
    {
        // λ = e^2: the second tile, at 1.5, is skipped; had it raised the maximum, the third, at 2.5, would be skipped too.
        float[] maxima = [2.5f, 1.5f, 0];
        BackendResult result = Run(Craft(192, (_, key) => maxima[key / 64]) with { ThresholdValue = MathF.Exp(2) });
        AssertDecisions([TileDecision.Kept, TileDecision.Skipped, TileDecision.Kept], result);
    }

    [SkippableFact]
    public void Tile_exactly_at_the_threshold_is_kept() =>
        AssertDecisions([TileDecision.Kept, TileDecision.Kept], Run(Craft(128, (_, _) => 3) with { ThresholdValue = 1 }));

    [SkippableFact]
    public void One_row_above_the_threshold_keeps_the_tile_for_all()
    {
        for (int dissenter = 0; dissenter < Rows; dissenter++)
        {
            BackendResult result = Run(Craft(128, (row, key) => key >= 64 || (row == dissenter && key == 17) ? 0 : Cold));
            AssertDecisions([TileDecision.Kept, TileDecision.Kept], result);
        }
    }

    [SkippableFact]
    public void Decision_depends_on_the_key_block()
    {
        AttentionCase attentionCase = Craft(256, (_, key) => key is >= 64 and < 128 or >= 192 ? 0 : Cold);
        AssertDecisions([TileDecision.Skipped, TileDecision.Kept, TileDecision.Skipped, TileDecision.Kept], Run(attentionCase));
        AttentionCase coarse = attentionCase with { Specification = attentionCase.Specification with { KeyBlock = 128 } };
        AssertDecisions([TileDecision.Kept, TileDecision.Kept], Run(coarse));
    }

    [SkippableFact]
    public void Decision_depends_on_the_query_block()
    {
        AttentionCase attentionCase = Craft(128, 128, (row, key) => key >= 64 || row < 64 ? 0 : Cold, specification => specification);
        AssertDecisions([TileDecision.Kept, TileDecision.Kept, TileDecision.Skipped, TileDecision.Kept], Run(attentionCase));
        AttentionCase coarse = attentionCase with { Specification = attentionCase.Specification with { QueryBlock = 128 } };
        AssertDecisions([TileDecision.Kept, TileDecision.Kept], Run(coarse));
    }

    [SkippableTheory]
    [InlineData(TileOrder.Descending, new[] { TileDecision.Skipped, TileDecision.Skipped, TileDecision.Kept })]
    [InlineData(TileOrder.Ascending, new[] { TileDecision.Kept, TileDecision.Kept, TileDecision.Kept })]
    [InlineData(TileOrder.SinkFirst, new[] { TileDecision.Kept, TileDecision.Skipped, TileDecision.Kept })]
    public void Decision_depends_on_the_visiting_order(TileOrder order, TileDecision[] expected)
    {
        float[] maxima = [-20, -10, 0];
        AssertDecisions(expected, Run(Craft(192, (_, key) => maxima[key / 64], specification => specification with { Order = order })));
    }

    [SkippableFact]
    public void LSE_is_taken_over_the_kept_tiles()
    {
        // The skipped tile would add ln 2 at this λ.
        BackendResult result = Run(Craft(128, (_, _) => 3) with { ThresholdValue = 1.5f });
        AssertDecisions([TileDecision.Skipped, TileDecision.Kept], result);
        Assert.All(result.Lse, lse => Assert.Equal(3 + Math.Log(64), lse, 1e-5));
    }

    [SkippableTheory]
    [InlineData(ThresholdMode.ContextScaled)]
    [InlineData(ThresholdMode.PerSequence)]
    [InlineData(ThresholdMode.TargetSparsity)]
    public void Threshold_modes_agree_where_their_lambdas_agree(ThresholdMode mode)
    {
        AttentionCase asFixed = Grouped(TileOrder.Descending) with { ThresholdValue = 1 / 64f };
        BackendResult expected = Run(asFixed);
        Assert.Contains(TileDecision.Skipped, expected.Decisions);
        AssertSameBits(expected, Run(asFixed with
        {
            Specification = asFixed.Specification with { Threshold = mode },
            ThresholdValue = asFixed.KeyLengthOf(0) / 64f,
            SequenceThresholds = [1 / 64f],
        }));
    }

    [SkippableFact]
    public void Tiles_outside_the_mask_are_in_neither_number()
    {
        BackendResult result = Run(Craft(256, 256, (_, key) => key / 64, specification => specification with { Mask = AttentionMask.Causal }));
        Assert.Equal(10UL, result.Counters[0].Visited);
        for (int tile = 0; tile < 16; tile++)
        {
            Assert.Equal(tile % 4 > tile / 4, result.Decisions[tile] == TileDecision.NotVisited);
        }
        Assert.Equal(result.Counters[0].Skipped, (ulong)result.Decisions.Count(decision => decision == TileDecision.Skipped));
    }

    /// <summary>Keys come hot and cold in runs of this many: a multiple of any backend's product tile, so that dropping whole runs leaves
    /// the tiling of the others as it was.</summary>
    private const int GroupKeys = 128;

    /// <summary>Real-valued logits, one query block; whole runs of keys are cold.</summary>
    private AttentionCase Grouped(TileOrder order)
    {
        bool[] hot = [true, false, true, false, false, true, false, true];
        Random random = new(1);
        AttentionCase attentionCase = Craft(1000, (_, _) => 0, specification => specification with { Order = order });
        for (int dim = 0; dim < CraftedCases.HeadDim; dim++)
        {
            for (int row = 0; row < Rows; row++)
            {
                attentionCase.Query[0, row, 0, dim] = RandomCases.Normal(random) + 1;
            }
            for (int key = 0; key < 1000; key++)
            {
                attentionCase.Key[0, key, 0, dim] = (RandomCases.Normal(random) + 1) * (hot[key / GroupKeys] ? 0.25f : 0.0125f);
            }
        }
        return attentionCase;
    }

    private const int Rows = 64;

    private AttentionCase Craft(int keys, Func<int, int, float> logit, Func<AttentionSpecification, AttentionSpecification>? specify = null) =>
        Craft(Rows, keys, logit, specification => specify?.Invoke(specification) ?? specification);

    private AttentionCase Craft(int rows, int keys, Func<int, int, float> logit, Func<AttentionSpecification, AttentionSpecification> specify) =>
        CraftedCases.FromLogits(Capabilities, rows, keys, logit, specify(Specification), Lambda);

    /// <summary>Every row has the same logits, and only dimension 0 is not 0: an infinite key meets no 0 of a query there.</summary>
    private AttentionCase OneGroup(int keys, Func<int, float> logit)
    {
        AttentionCase attentionCase = Craft(keys, (_, _) => 0);
        for (int row = 0; row < Rows; row++)
        {
            attentionCase.Query[0, row, 0, row] = 0;
            attentionCase.Query[0, row, 0, 0] = 1;
        }
        for (int key = 0; key < keys; key++)
        {
            attentionCase.Key[0, key, 0, 0] = logit(key);
        }
        return attentionCase;
    }

    private static HostTensor Gather(HostTensor tensor, int[] tokens)
    {
        HostTensor gathered = new(tensor.Element, tensor.Shape with { Length = tokens.Length });
        for (int token = 0; token < tokens.Length; token++)
        {
            for (int dim = 0; dim < tensor.Shape.HeadDim; dim++)
            {
                gathered[0, token, 0, dim] = tensor[0, tokens[token], 0, dim];
            }
        }
        return gathered;
    }

    private static void AssertDecisions(TileDecision[] expected, BackendResult actual) => Assert.Equal(expected, actual.Decisions);
}
