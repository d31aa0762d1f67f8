using System.Runtime.InteropServices;
using SkipSoftmax.Launch;
using SkipSoftmax.Native;

namespace SkipSoftmax.Tests;

/// <summary>What the driver is asked to launch for decode, by a driver that records it.</summary>
public sealed unsafe class DecodeLaunchTests : IDisposable
{
    private const nint Query = 0x10_0000, Key = 0x20_0000, Value = 0x30_0000, Output = 0x40_0000, Table = 0x50_0000, Stream = 99;
    private const int Batch = 3, Pages = 40, PagesPerSequence = 10;
    private static readonly PageShape pool = new(Pages, 16, 2, 64);

    private readonly FakeDriver driver = new(9, 0, multiprocessors: 5);
    private readonly AttentionContext context;
    private readonly nint counted = (nint)NativeMemory.AlignedAlloc(4096, 256);

    public DecodeLaunchTests() => context = FakeMachine.Context(driver, new FakeCompiler(), cacheFolder: null, BackendPolicy.GpuOnly);

    public void Dispose()
    {
        context.Dispose();
        NativeMemory.AlignedFree((void*)counted);
        Assert.Equal(0, driver.Allocations);
    }

    [Fact]
    public void Arguments_have_the_kernels_layout()
    {
        Assert.Equal(200, sizeof(DecodeArguments));
        string[] fields =
        [
            nameof(DecodeArguments.Query), nameof(DecodeArguments.Output), nameof(DecodeArguments.Lse), nameof(DecodeArguments.Counters), nameof(DecodeArguments.Decisions),
            nameof(DecodeArguments.Thresholds), nameof(DecodeArguments.QueryLengths), nameof(DecodeArguments.KeyLengths), nameof(DecodeArguments.BlockTable),
            nameof(DecodeArguments.Partials), nameof(DecodeArguments.Meetings), nameof(DecodeArguments.Status),
            nameof(DecodeArguments.QueryBatchStride), nameof(DecodeArguments.QueryRowStride), nameof(DecodeArguments.QueryHeadStride),
            nameof(DecodeArguments.OutputBatchStride), nameof(DecodeArguments.OutputRowStride), nameof(DecodeArguments.OutputHeadStride),
        ];
        Assert.All(fields.Index(), field => Assert.Equal(8 * field.Index, (int)Marshal.OffsetOf<DecodeArguments>(field.Item)));
        string[] words =
        [
            nameof(DecodeArguments.Batch), nameof(DecodeArguments.QueryLength), nameof(DecodeArguments.KeyLength), nameof(DecodeArguments.QueryHeads),
            nameof(DecodeArguments.KeyValueHeads), nameof(DecodeArguments.KeyBlocks), nameof(DecodeArguments.TableWidth), nameof(DecodeArguments.Pages),
            nameof(DecodeArguments.HeadPieces), nameof(DecodeArguments.CtaPieces), nameof(DecodeArguments.MeetingWords),
            nameof(DecodeArguments.ScaleLog2), nameof(DecodeArguments.Log2Threshold),
        ];
        Assert.All(words.Index(), field => Assert.Equal(144 + (4 * field.Index), (int)Marshal.OffsetOf<DecodeArguments>(field.Item)));
    }

    [Fact]
    public void Pages_are_launched_where_they_lie_through_the_block_table()
    {
        Run();
        // 3 sequences × 2 heads × ⌈160 / 64⌉ = 18 tiles, 16 rows: 8 teams of one warp, so 2 CTAs.
        Assert.Equal((2u, 256u, 100_000u, Stream), (driver.Grid, driver.Block, driver.SharedMemoryBytes, driver.Stream));
        Assert.Equal([Key, Value], driver.Maps.Take(2).Select(map => map.Address));
        Assert.Equal([64UL, 16, 1, 2, Pages], driver.Maps[0].Extents);
        Assert.Equal([128UL * 2, 128, 128, 16 * 2 * 128], driver.Maps[0].ByteStrides);
        Assert.Equal([64u, 16, 1, 1, 1], driver.Maps[0].Box);
        DecodeArguments arguments = driver.Decode;
        Assert.Equal((Query, Output, Table), (arguments.Query, arguments.Output, arguments.BlockTable));
        Assert.Equal((Batch, 1, 160, 8, 2, 3, PagesPerSequence, Pages),
            (arguments.Batch, arguments.QueryLength, arguments.KeyLength, arguments.QueryHeads, arguments.KeyValueHeads, arguments.KeyBlocks, arguments.TableWidth, arguments.Pages));
        Assert.Equal((512, 512, 64, 512, 512, 64), (arguments.QueryBatchStride, arguments.QueryRowStride, arguments.QueryHeadStride, arguments.OutputBatchStride, arguments.OutputRowStride, arguments.OutputHeadStride));
        Assert.Equal(0.125 * Math.Log2(Math.E), arguments.ScaleLog2, 1e-7);
        Assert.Equal(Math.Log2(0.01), arguments.Log2Threshold, 1e-6);
    }

    [Theory]
    [InlineData(8, 2, 256)] // 16 rows
    [InlineData(9, 2, 128)]
    [InlineData(16, 2, 128)] // 32
    public void Smallest_kernel_that_holds_the_rows_is_launched(int group, int queries, int threads)
    {
        Run(heads: 2 * group, queries: queries);
        Assert.Equal((uint)threads, driver.Block);
    }

    [Fact]
    public void More_rows_than_any_kernel_holds_name_the_query_and_the_limit()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Run(heads: 34, queries: 2));
        Assert.Equal("inputs.Query", error.ParamName);
        Assert.Contains("so 17 query heads share each of the 2 key/value heads, which makes 34 rows with 2 query tokens, but the kernels of PagedDecodeHalf hold 32", error.Message);
    }

    [Fact]
    public void Warm_launches_allocate_and_wait_for_nothing()
    {
        Run();
        int synchronizations = driver.Synchronizations, allocations = driver.Allocations;
        Run();
        Assert.Equal((synchronizations, allocations), (driver.Synchronizations, driver.Allocations));
    }

    [Fact]
    public void Tensors_are_described_to_the_driver_once()
    {
        Run();
        Run(stream: 2);
        Assert.Equal(2, driver.MapsEncoded);
        Run(key: 0x70_0000);
        Assert.Equal(3, driver.MapsEncoded);
        Run();
        Assert.Equal((3, 4), (driver.MapsEncoded, driver.Launches));
    }

    [Fact]
    public void Warm_launches_allocate_no_managed_memory() => Assert.Equal(0, Allocations.Of(() => Run()));

    [Fact]
    public void Workspace_is_zero_when_it_is_new_and_left_alone_afterwards()
    {
        const int floatsOfRow = 64 + 2;
        int launches = 0;
        driver.OnDecode = arguments =>
        {
            long partialBytes = 2L * driver.Grid * 16 * floatsOfRow * sizeof(ulong);
            Span<byte> partials = new((void*)arguments.Partials, (int)partialBytes);
            Span<ulong> meetings = new((void*)arguments.Meetings, 1 + (2 * arguments.MeetingWords));
            Assert.True(arguments.MeetingWords >= 2 * driver.Grid);
            Assert.True(arguments.Meetings >= arguments.Partials + partialBytes);
            byte expected = (byte)(launches++ == 0 ? 0 : 0xFF);
            Assert.Equal(-1, partials.IndexOfAnyExcept(expected));
            Assert.Equal(-1, meetings.IndexOfAnyExcept(expected == 0 ? 0 : ulong.MaxValue));
            partials.Fill(0xFF);
            meetings.Fill(ulong.MaxValue);
        };
        Run();
        Run();
        Assert.Equal(2, launches);
    }

    [Fact]
    public void What_is_counted_is_zero_at_every_launch()
    {
        driver.OnDecode = arguments =>
        {
            Assert.Equal(-1, new ReadOnlySpan<byte>((void*)counted, 16 * 6).IndexOfAnyExcept((byte)0));
            Assert.Equal(-1, new ReadOnlySpan<byte>((void*)(counted + 1024), 18).IndexOfAnyExcept((byte)0));
            Assert.Equal(-1, new ReadOnlySpan<byte>((void*)(counted + 2048), 4).IndexOfAnyExcept((byte)0));
        };
        for (int launch = 0; launch < 2; launch++)
        {
            new Span<byte>((void*)counted, 4096).Fill(0xFF);
            Run();
        }
    }

    [Fact]
    public void Streams_have_workspaces_of_their_own()
    {
        Run(stream: 1);
        nint first = driver.Decode.Partials;
        Run(stream: 2);
        Assert.NotEqual(first, driver.Decode.Partials);
        Run(stream: 1);
        Assert.Equal(first, driver.Decode.Partials);
    }

    [Fact]
    public void Captured_launch_takes_the_streams_workspace_or_says_to_run_once_before()
    {
        context.Prepare<PagedDecodeHalf>();
        driver.Capture = CudaCaptureStatus.Active;
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => Run());
        Assert.Contains("run it once on this stream with the same batch and heads before the capture", error.Message);

        driver.Capture = CudaCaptureStatus.None;
        Run();
        nint workspace = driver.Decode.Partials;
        driver.Capture = CudaCaptureStatus.Active;
        Run();
        Assert.Equal(workspace, driver.Decode.Partials);
    }

    [Fact]
    public void Prepare_loads_a_kernel_for_every_row_capacity()
    {
        context.Prepare<PagedDecodeHalf>();
        Assert.Equal(2, driver.ModulesLoaded);
        Run(heads: 2);
        Run(heads: 64);
        Assert.Equal(2, driver.ModulesLoaded);
    }

    [Theory]
    [InlineData(4, 2048, 132, 132, 33, 1)] // each head on 33 CTAs
    [InlineData(32, 1024, 132, 128, 4, 1)] // 128 of 132 are 97 %
    [InlineData(256, 256, 132, 128, 1, 2)] // whole heads, two a CTA
    [InlineData(67, 2048, 132, 126, 15, 8)] // one or two pieces of each would leave half or a quarter idle
    [InlineData(40, 2048, 132, 130, 13, 4)]
    [InlineData(4, 3, 132, 12, 3, 1)] // no more pieces than tiles
    [InlineData(5, 1, 4, 3, 1, 2)] // nothing fills four CTAs with five tiles
    [InlineData(1, 1, 1, 1, 1, 1)]
    [InlineData(3_000_000_000, 1, 2, 2, 1, 1_500_000_000)]
    public void Heads_of_one_length_are_cut_into_few_pieces_that_fill_the_device(long heads, int tiles, int most, int ctas, int headPieces, int ctaPieces) =>
        Assert.Equal(new DecodeShares(ctas, headPieces, ctaPieces), DecodeShares.Of(heads, tiles, most));

    [Fact]
    public void Every_cut_gives_every_cta_work_and_leaves_none_over()
    {
        for (int heads = 1; heads <= 300; heads++)
        {
            foreach (int tiles in new[] { 1, 2, 7, 64, 1000 })
            {
                foreach (int most in new[] { 1, 2, 5, 114, 132, 148 })
                {
                    DecodeShares shares = DecodeShares.Of(heads, tiles, most);
                    int pieces = heads * shares.HeadPieces;
                    Assert.InRange(shares.HeadPieces, 1, tiles);
                    Assert.InRange(shares.Ctas, 1, most);
                    Assert.True((shares.Ctas - 1) * shares.CtaPieces < pieces && pieces <= shares.Ctas * shares.CtaPieces, $"{heads} heads of {tiles} tiles, {most} CTAs: {shares}");
                }
            }
        }
    }

    [Theory]
    [InlineData(true, 5, false, true)] // a list of 18 tiles on 2 of 5 multiprocessors
    [InlineData(true, 3, false, false)] // on 2 of 3
    [InlineData(true, 2, false, true)]
    [InlineData(false, 5, false, true)]
    [InlineData(false, 5, true, false)] // after a memset
    public void Launch_overlaps_the_kernel_before_unless_few_multiprocessors_are_left_idle(bool lengths, int multiprocessors, bool counts, bool overlaps)
    {
        FakeDriver other = new(9, 0, multiprocessors);
        using (AttentionContext its = FakeMachine.Context(other, new FakeCompiler(), cacheFolder: null, BackendPolicy.GpuOnly))
        {
            Run(on: its, lengths: lengths, counts: counts);
        }
        Assert.Equal((2u, overlaps), (other.Grid, other.Overlapping));
        Assert.Equal(lengths ? (0, 0) : (1, 3), (other.Decode.HeadPieces, other.Decode.CtaPieces));
    }

    private void Run(int heads = 8, int queries = 1, nint stream = Stream, nint key = Key, AttentionContext? on = null, bool lengths = false, bool counts = true)
    {
        TensorShape query = new(Batch, queries, heads, 64);
        AttentionInputs inputs = new(
            TensorView.Device(Query, ElementType.Float16, query), PagedView.Device(key, ElementType.Float16, pool), PagedView.Device(Value, ElementType.Float16, pool),
            BlockTable.Device(Table, Batch, PagesPerSequence))
        {
            Stream = stream,
            KeyLengths = lengths ? InputBuffer<int>.Device(0x90_0000, Batch) : default,
        };
        AttentionOutput output = new(OutputView.Device(Output, ElementType.Float16, query))
        {
            Lse = !counts ? default : OutputBuffer<float>.Device(0x60_0000, Batch * heads * queries),
            Counters = counts ? OutputBuffer<TileCounters>.Device(counted, Batch * 2) : default,
            Decisions = counts ? OutputBuffer<TileDecision>.Device(counted + 1024, Batch * 2 * 3) : default,
            Status = counts ? OutputBuffer<DecodeStatus>.Device(counted + 2048, 1) : default,
        };
        if (counts)
        {
            (on ?? context).Run<PagedDecodeHalf>(inputs, output, SkipThreshold.Fixed(0.01f));
        }
        else
        {
            (on ?? context).Run<PagedDecodeBare>(inputs, output, SkipThreshold.Fixed(0.01f));
        }
    }
}
