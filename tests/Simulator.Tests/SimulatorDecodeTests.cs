using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using Xunit.Abstractions;

namespace SkipSoftmax.Simulation;

public sealed class SimulatorDecodeRandomTests(ITestOutputHelper output) : DecodeRandomSuite<SimulatorBackend>(output);

public sealed class SimulatorDecodeRuleTests : DecodeRuleSuite<SimulatorBackend>;

public sealed class SimulatorDecodeSplitTests : DecodeSplitSuite<SimulatorBackend>;

public sealed class SimulatorDecodeRealTensorTests(ITestOutputHelper output) : DecodeRealTensorSuite<SimulatorBackend>(output);

/// <summary>What decode reads, how it is shared out, and what it makes of bad lengths and tables in device memory.</summary>
public sealed class SimulatorDecodeTests(ITestOutputHelper output) : BackendSuite<SimulatorBackend>
{
    private static readonly Schedule lazy = new(SimulatorOrder.Fair, SimulatorCompletion.Latest, StarvedWarpgroup: 0, ResidentCtas: 1, Seed: 1);

    public static IEnumerable<object[]> Schedules =>
        from order in Enum.GetNames<SimulatorOrder>() from completion in Enum.GetNames<SimulatorCompletion>() select new object[] { order, completion };

    [SkippableTheory]
    [MemberData(nameof(Schedules))]
    public void Schedule_never_changes_a_bit(string order, string completion)
    {
        RequireAvailable();
        Schedule orderly = new(SimulatorOrder.Fair, SimulatorCompletion.Earliest, StarvedWarpgroup: 0, ResidentCtas: 1, Seed: 1);
        for (int seed = 0; seed < 8; seed++)
        {
            AttentionCase attentionCase = RandomDecodeCases.Create(seed, Capabilities);
            Schedule schedule = new(Enum.Parse<SimulatorOrder>(order), Enum.Parse<SimulatorCompletion>(completion), (uint)seed % 2, ResidentCtas: 4, (ulong)seed);
            AssertSameBits(SimulatorBackend.Run(attentionCase, orderly).Result, SimulatorBackend.Run(attentionCase, schedule).Result);
        }
    }

    [SkippableTheory]
    [InlineData(64, 0, 1)]
    [InlineData(128, 0, 3)]
    [InlineData(128, 64, 4)]
    [InlineData(128, 16, 2)]
    [InlineData(256, 32, 3)]
    public void Memory_is_read_once_for_each_key_and_each_kept_value(int headDim, int pageSize, int ctas)
    {
        RequireAvailable();
        AttentionSpecification specification = CraftedCases.DecodeSpecification with
        {
            HeadDim = headDim,
            Element = ElementType.BFloat16,
            Threshold = ThresholdMode.Fixed,
            KvLayout = pageSize == 0 ? KvLayout.Contiguous : KvLayout.Paged,
            PageSize = pageSize,
            MaxQueryLength = 2,
        };
        AttentionCase attentionCase = ColdCase(specification, tiles: 24);
        (BackendResult result, SimulatorCounters counters, _, _) = SimulatorBackend.Run(attentionCase, lazy, ctas);

        int tileBytes = specification.KeyBlock * headDim * sizeof(ushort);
        int kept = result.Decisions.Count(decision => decision == TileDecision.Kept);
        int skipped = result.Decisions.Count(decision => decision == TileDecision.Skipped);
        Assert.True(kept > 4 && skipped > 4, $"{kept} kept, {skipped} skipped: this shows little.");
        int seeds = SeedsReadAgain(attentionCase, ctas);
        output.WriteLine($"{kept} tiles kept, {skipped} skipped, {seeds} seeds read again by another CTA, at least {LeastInFlight(counters)} bytes in flight");
        unsafe
        {
            Assert.Equal((ulong)((kept + skipped + seeds) * tileBytes), counters.TensorBytes[0]);
            Assert.Equal((ulong)(kept * tileBytes), counters.TensorBytes[1]);
        }
    }

    /// <summary>By Little's law 36 KB must be under way in each SM at all times. Within a head, that is: where one ends, its last V may be waited for alone.</summary>
    [SkippableTheory]
    [InlineData(64, false)]
    [InlineData(64, true)]
    [InlineData(128, false)]
    [InlineData(128, true)]
    [InlineData(256, false)]
    [InlineData(256, true)]
    public void Enough_bytes_are_in_flight_whenever_a_cta_waits(int headDim, bool skips)
    {
        RequireAvailable();
        AttentionSpecification specification = CraftedCases.DecodeSpecification with
        {
            HeadDim = headDim,
            Element = ElementType.BFloat16,
            Threshold = ThresholdMode.Fixed,
            MaxQueryLength = 2,
        };
        // Where the list ends, the rings run empty: no V is to be requested then.
        AttentionCase attentionCase = skips ? ColdCase(specification, tiles: 121, heads: 1, warmTiles: 96) : ColdCase(specification, tiles: 96, heads: 1) with { ThresholdValue = 0 };
        (_, SimulatorCounters counters, _, _) = SimulatorBackend.Run(attentionCase, lazy, ctas: 1);

        output.WriteLine($"d {headDim}, {(skips ? "skipping" : "dense")}: at least {LeastInFlight(counters)} bytes in flight");
        Assert.True(counters.LeastBytesInFlight >= 36 << 10, $"Only {counters.LeastBytesInFlight} bytes were in flight.");
    }

    /// <summary>Parts of a head are merged eight at a time: 70 of them on two levels, and once more on the third.</summary>
    [SkippableTheory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(70)]
    public void Many_parts_of_a_head_make_what_one_makes(int parts)
    {
        RequireAvailable();
        AttentionSpecification specification = CraftedCases.DecodeSpecification with
        {
            HeadDim = 64,
            Element = ElementType.BFloat16,
            Threshold = ThresholdMode.Fixed,
            MaxQueryLength = 2,
        };
        AttentionCase attentionCase = ColdCase(specification, tiles: 71);
        BackendResult whole = SimulatorBackend.Run(attentionCase, lazy, ctas: 2).Result;
        for (uint seed = 0; seed < 3; seed++)
        {
            Schedule schedule = new(SimulatorOrder.Random, SimulatorCompletion.Random, StarvedWarpgroup: 0, ResidentCtas: 16, Seed: seed);
            BackendResult split = SimulatorBackend.Run(attentionCase, schedule, ctas: 2 * parts).Result;
            Assert.Equal(whole.Decisions, split.Decisions);
            ReferenceComparison.Check(attentionCase, split);
        }
    }

    [SkippableFact]
    public void Bad_lengths_and_tables_are_reported_and_never_followed()
    {
        RequireAvailable();
        AttentionSpecification paged = CraftedCases.DecodeSpecification with
        {
            HeadDim = 128,
            Element = ElementType.BFloat16,
            Threshold = ThresholdMode.Fixed,
            KvLayout = KvLayout.Paged,
            PageSize = 16,
            MaxQueryLength = 2,
        };
        AttentionCase attentionCase = ColdCase(paged, tiles: 5);
        int[] good = PagedCache.Of(attentionCase).Table;
        foreach (int wrong in new[] { -1, int.MinValue, int.MaxValue, 1_000_000 })
        {
            int[] table = [.. good];
            table[3] = wrong;
            Assert.Equal(DecodeStatus.PageOutOfRange, Status(attentionCase, new(Table: table)));
        }
        foreach (int wrong in new[] { -1, int.MinValue, int.MaxValue, good.Length * 16 + 1 })
        {
            Assert.Equal(DecodeStatus.KeyLengthOutOfRange, Status(attentionCase, new(KeyLengths: [wrong])));
            Assert.Equal(DecodeStatus.QueryLengthOutOfRange, Status(attentionCase, new(QueryLengths: [wrong])));
        }
        Assert.Equal(DecodeStatus.None, Status(attentionCase, null));
    }

    private static DecodeStatus Status(AttentionCase attentionCase, DeviceDefects? defects) => SimulatorBackend.Run(attentionCase, lazy, ctas: 3, defects).Status;

    private static string LeastInFlight(SimulatorCounters counters) => counters.LeastBytesInFlight == ulong.MaxValue ? "(never waited)" : $"{counters.LeastBytesInFlight:N0}";

    /// <summary>One sequence, two key/value heads or one, whole tiles, of which most are cold: two of three, and all from <paramref name="warmTiles"/> on.</summary>
    private static AttentionCase ColdCase(AttentionSpecification specification, int tiles, int heads = 2, int warmTiles = int.MaxValue)
    {
        Random random = new(7);
        int length = tiles * specification.KeyBlock;
        HostTensor query = new(specification.Element, new(1, 2, 4 * heads, specification.HeadDim));
        HostTensor key = new(specification.Element, new(1, length, heads, specification.HeadDim));
        HostTensor value = new(specification.Element, key.Shape);
        foreach (HostTensor tensor in new[] { query, key, value })
        {
            for (int token = 0; token < tensor.Shape.Length; token++)
            {
                bool cold = tensor == key && (token / specification.KeyBlock % 3 != 0 || token / specification.KeyBlock >= warmTiles);
                for (int head = 0; head < tensor.Shape.Heads; head++)
                {
                    for (int dim = 0; dim < specification.HeadDim; dim++)
                    {
                        tensor[0, token, head, dim] = (RandomCases.Normal(random) + (tensor == value ? 0 : 1)) * (cold ? 0.05f : 1);
                    }
                }
            }
        }
        return new()
        {
            Name = $"cold tiles, d {specification.HeadDim}",
            Specification = specification,
            Query = query,
            Key = key,
            Value = value,
            Paging = specification.KvLayout == KvLayout.Paged ? new() { Seed = 3 } : null,
            Scale = 1 / MathF.Sqrt(specification.HeadDim),
            ThresholdValue = 0.05f,
        };
    }

    /// <summary>Sink and newest tiles that a CTA scores although they are another's, for a case of one sequence.</summary>
    private static int SeedsReadAgain(AttentionCase attentionCase, int ctas)
    {
        int perHead = attentionCase.KeyBlocks, again = 0;
        foreach ((int begin, int end) in new SplitDecode(ctas).Shares(attentionCase))
        {
            for (int head = 0; head < attentionCase.DecisionHeads; head++)
            {
                int first = Math.Max(begin - (head * perHead), 0), last = Math.Min(end - (head * perHead), perHead);
                bool judges = Math.Max(first, 1) < Math.Min(last, perHead - 1);
                again += judges && first > 0 ? 1 : 0;
                again += judges && last < perHead ? 1 : 0;
            }
        }
        return again;
    }
}
