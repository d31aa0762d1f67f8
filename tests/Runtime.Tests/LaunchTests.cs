using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SkipSoftmax.Launch;
using SkipSoftmax.Native;

namespace SkipSoftmax.Tests;

/// <summary>What the driver is asked to launch, by a driver that records it.</summary>
public sealed unsafe class LaunchTests : IDisposable
{
    private const nint Query = 0x10_0000, Key = 0x20_0000, Value = 0x30_0000, Output = 0x40_0000, Stream = 99;
    private static readonly TensorShape queryShape = new(2, 300, 4, 64), keyShape = new(2, 200, 2, 64);

    private readonly FakeDriver driver = new(9, 0, multiprocessors: 20);
    private readonly AttentionContext context;

    public LaunchTests() => context = FakeMachine.Context(driver, new FakeCompiler(), cacheFolder: null, BackendPolicy.GpuOnly);

    public void Dispose() => context.Dispose();

    [Fact]
    public void Arguments_have_the_kernels_layout()
    {
        Assert.Equal(128, sizeof(PrefillArguments));
        Assert.Equal(128, sizeof(TensorMap));
        (string Field, int Offset)[] layout =
        [
            (nameof(PrefillArguments.Output), 0), (nameof(PrefillArguments.Lse), 8), (nameof(PrefillArguments.Counters), 16),
            (nameof(PrefillArguments.Decisions), 24), (nameof(PrefillArguments.Thresholds), 32), (nameof(PrefillArguments.QueryLengths), 40),
            (nameof(PrefillArguments.KeyLengths), 48), (nameof(PrefillArguments.Scheduler), 56), (nameof(PrefillArguments.OutputBatchStride), 64),
            (nameof(PrefillArguments.OutputRowStride), 72), (nameof(PrefillArguments.OutputHeadStride), 80), (nameof(PrefillArguments.Batch), 88),
            (nameof(PrefillArguments.QueryLength), 92), (nameof(PrefillArguments.KeyLength), 96), (nameof(PrefillArguments.QueryHeads), 100),
            (nameof(PrefillArguments.KeyValueHeads), 104), (nameof(PrefillArguments.QueryBlocks), 108), (nameof(PrefillArguments.KeyBlocks), 112),
            (nameof(PrefillArguments.SectionHeads), 116), (nameof(PrefillArguments.ScaleLog2), 120), (nameof(PrefillArguments.Log2Threshold), 124),
        ];
        Assert.All(layout, field => Assert.Equal(field.Offset, (int)Marshal.OffsetOf<PrefillArguments>(field.Field)));
    }

    [Fact]
    public void Device_tensors_are_launched_where_they_lie_without_copy_or_wait()
    {
        context.Prepare<Sm90Half>();
        int synchronizations = driver.Synchronizations, allocations = driver.Allocations;
        Run(outputStrides: new(200_000, 304, 72));
        Assert.Equal((synchronizations, allocations), (driver.Synchronizations, driver.Allocations));
        // 2 sequences × 4 heads × ⌈300 / 128⌉ = 24 work tiles on 20 SMs.
        Assert.Equal((20u, 384u, 100_000u, Stream), (driver.Grid, driver.Block, driver.SharedMemoryBytes, driver.Stream));
        Assert.Equal(100_000, driver.MaxDynamicSharedMemory);
        PrefillArguments arguments = driver.Arguments;
        Assert.Equal((Output, 0, 0, 0, 0, 0, 0), (arguments.Output, arguments.Lse, arguments.Counters, arguments.Decisions, arguments.Thresholds, arguments.QueryLengths, arguments.KeyLengths));
        Assert.Equal((200_000, 304, 72), (arguments.OutputBatchStride, arguments.OutputRowStride, arguments.OutputHeadStride));
        Assert.Equal((2, 300, 200, 4, 2, 5, 4), (arguments.Batch, arguments.QueryLength, arguments.KeyLength, arguments.QueryHeads, arguments.KeyValueHeads, arguments.QueryBlocks, arguments.KeyBlocks));
        Assert.Equal(0.125 * Math.Log2(Math.E), arguments.ScaleLog2, 1e-7);
        Assert.Equal(Math.Log2(0.01), arguments.Log2Threshold, 1e-6);
    }

    [Fact]
    public void Threshold_of_zero_reaches_the_kernel_as_minus_infinity()
    {
        context.Run<Sm90Half>(Inputs(null), DeviceOutput(), SkipThreshold.Fixed(0));
        Assert.Equal(float.NegativeInfinity, driver.Arguments.Log2Threshold);
    }

    [Theory]
    [InlineData(200, 4)] // all 2 sequences × 2 heads fit
    [InlineData(65_536, 2)] // 16 MiB of K and V a head
    [InlineData(1 << 20, 1)]
    public void Sections_hold_as_many_heads_as_32_mebibytes_of_keys_and_values(int keys, int heads)
    {
        nint farKey = unchecked((nint)0x1_0000_0000), farValue = unchecked((nint)0x2_0000_0000);
        TensorShape shape = keyShape with { Length = keys };
        var inputs = new AttentionInputs(
            TensorView.Device(Query, ElementType.Float16, queryShape), TensorView.Device(farKey, ElementType.Float16, shape), TensorView.Device(farValue, ElementType.Float16, shape));
        context.Run<Sm90Half>(inputs, DeviceOutput(), SkipThreshold.Fixed(0));
        Assert.Equal(heads, driver.Arguments.SectionHeads);
    }

    [Fact]
    public void Grid_is_one_block_a_work_tile_where_there_are_fewer_than_multiprocessors()
    {
        Run(query: queryShape with { Length = 128 });
        Assert.Equal(8u, driver.Grid);
    }

    [Fact]
    public void Tensor_maps_are_panels_of_64_elements()
    {
        Run(keyStrides: new(8, 1024, 72));
        Assert.All(driver.Maps, map => Assert.Equal(TensorMapDataType.Float16, map.Type));
        Assert.Equal([Query, Key, Value], driver.Maps.Select(map => map.Address));
        Assert.Equal([64UL, 300, 1, 4, 2], driver.Maps[0].Extents);
        Assert.Equal([4 * 64 * 2UL, 128, 128, 300 * 4 * 64 * 2], driver.Maps[0].ByteStrides);
        Assert.Equal([64u, 64, 1, 1, 1], driver.Maps[0].Box);
        Assert.Equal([64UL, 200, 1, 2, 2], driver.Maps[1].Extents);
        Assert.Equal([2048UL, 128, 144, 16], driver.Maps[1].ByteStrides);
        Assert.Equal([64u, 128, 1, 1, 1], driver.Maps[1].Box);
        Assert.Equal([64u, 64, 1, 1, 1], driver.Maps[2].Box);
    }

    [Fact]
    public void Strides_of_dimensions_of_one_element_become_valid_ones()
    {
        Run(query: new(1, 300, 2, 64), key: new(1, 200, 1, 64), keyStrides: new(0, 64, 3));
        Assert.Equal([128UL, 128, 128, 200 * 128], driver.Maps[1].ByteStrides);
    }

    [Fact]
    public void Results_and_lengths_in_device_memory_reach_the_kernel_and_what_is_counted_is_zeroed_first()
    {
        var counters = (nint)NativeMemory.AlignedAlloc(8 * 16, 16);
        var decisions = (nint)NativeMemory.AlignedAlloc(2 * 4 * 5 * 4, 16);
        try
        {
            context.Prepare<Sm90HalfWithResults>();
            new Span<byte>((void*)counters, 128).Fill(0xFF);
            driver.OnLaunch = _ => Assert.Equal(0, new ReadOnlySpan<byte>((void*)counters, 128).IndexOfAnyExcept((byte)0) + 1);
            var inputs = new AttentionInputs(
                TensorView.Device(Query, ElementType.Float16, queryShape), TensorView.Device(Key, ElementType.Float16, keyShape), TensorView.Device(Value, ElementType.Float16, keyShape))
            {
                QueryLengths = InputBuffer<int>.Device(0x50_0000, 2),
                KeyLengths = InputBuffer<int>.Device(0x51_0000, 2),
                Scale = 2,
            };
            context.Run<Sm90HalfWithResults>(inputs, new AttentionOutput(OutputView.Device(Output, ElementType.Float16, queryShape))
            {
                Lse = OutputBuffer<float>.Device(0x60_0000, 2 * 4 * 300),
                Counters = OutputBuffer<TileCounters>.Device(counters, 8),
                Decisions = OutputBuffer<TileDecision>.Device(decisions, 2 * 4 * 5 * 4),
            }, SkipThreshold.PerSequence(InputBuffer<float>.Device(0x52_0000, 2)));
            PrefillArguments arguments = driver.Arguments;
            Assert.Equal((0x60_0000, counters, decisions, 0x52_0000, 0x50_0000, 0x51_0000),
                (arguments.Lse, arguments.Counters, arguments.Decisions, arguments.Thresholds, arguments.QueryLengths, arguments.KeyLengths));
            Assert.Equal(2 * Math.Log2(Math.E), arguments.ScaleLog2, 1e-6);
            Assert.Equal([(counters, (nuint)128), (decisions, (nuint)160)], driver.Memsets.OrderBy(memset => memset.Bytes));
        }
        finally
        {
            NativeMemory.AlignedFree((void*)counters);
            NativeMemory.AlignedFree((void*)decisions);
        }
    }

    [Fact]
    public void Launch_allocates_no_managed_memory() => Assert.Equal(0, Allocations.Of(() => Run()));

    [Fact]
    public void Scheduler_slots_go_round_and_captured_launches_keep_theirs()
    {
        Run();
        nint first = driver.Arguments.Scheduler;
        Assert.Equal(0, *(long*)first);
        driver.Capture = CudaCaptureStatus.Active;
        Run();
        nint captured = driver.Arguments.Scheduler;
        driver.Capture = CudaCaptureStatus.None;
        var seen = new HashSet<nint> { first };
        for (int launch = 1; launch < SchedulerSlots.RotatingSlots; launch++)
        {
            Run();
            Assert.True(seen.Add(driver.Arguments.Scheduler));
        }
        Assert.DoesNotContain(captured, seen);
        Run();
        Assert.Equal(first, driver.Arguments.Scheduler);
    }

    [Fact]
    public void Captured_launches_beyond_the_slots_are_an_error_that_names_the_limit()
    {
        context.Prepare<Sm90Half>();
        driver.Capture = CudaCaptureStatus.Active;
        for (int launch = 0; launch < SchedulerSlots.CapturedSlots; launch++)
        {
            Run();
        }
        Assert.Contains($"{SchedulerSlots.CapturedSlots} launches", Assert.Throws<InvalidOperationException>(() => Run()).Message, StringComparison.Ordinal);
        driver.Capture = CudaCaptureStatus.None;
        Run();
    }

    [Fact]
    public void First_run_under_capture_asks_for_prepare()
    {
        driver.Capture = CudaCaptureStatus.Active;
        Assert.Contains("call Prepare before the capture", Assert.Throws<InvalidOperationException>(() => Run()).Message, StringComparison.Ordinal);
        Assert.Equal(0, driver.ModulesLoaded);
    }

    [Theory]
    [InlineData(8, "0x100008", "multiple of 16 bytes")]
    [InlineData(1, "0x100001", "multiple of 16 bytes")]
    public void Misaligned_device_pointer_is_refused(int offset, string value, string fix)
    {
        var exception = Assert.Throws<ArgumentException>(() => Run(queryOffset: offset));
        RequireRefusal(exception, "inputs.Query", value, fix);
    }

    [Fact]
    public void Stride_that_is_no_multiple_of_16_bytes_is_refused() =>
        RequireRefusal(Assert.Throws<ArgumentException>(() => Run(keyStrides: new(40_000, 132, 64))), "inputs.Key", "length stride of 132", "multiples of 16 bytes");

    [Fact]
    public void Output_stride_that_is_no_multiple_of_16_bytes_is_refused() =>
        RequireRefusal(Assert.Throws<ArgumentException>(() => Run(outputStrides: new(200_000, 300, 65))), "output.Output", "length stride of 300", "multiples of 16 bytes");

    [Theory]
    [InlineData(1L << 39)]
    [InlineData(1L << 61)]
    public void Stride_beyond_the_gpus_limit_is_refused(long stride) =>
        RequireRefusal(Assert.Throws<ArgumentException>(() => Run(keyStrides: new(stride, 128, 64), outputAddress: 0x1_0000)), "inputs.Key", $"batch stride of {stride}", "below 2^40 bytes");

    [Fact]
    public void Output_that_overlaps_an_input_in_device_memory_is_refused() =>
        RequireRefusal(Assert.Throws<ArgumentException>(() => Run(outputAddress: Value + 16)), "output.Output", "overlaps inputs.Value", "memory of its own");

    [Fact]
    public void Host_lengths_and_thresholds_with_device_tensors_are_refused()
    {
        var lengths = Assert.Throws<ArgumentException>(() => context.Run<Sm90Half>(Inputs(hostLengths: [200, 200]), DeviceOutput(), SkipThreshold.Fixed(0)));
        RequireRefusal(lengths, "inputs.KeyLengths", "Host memory", "one kind of memory");
        var thresholds = Assert.Throws<ArgumentException>(() => context.Run<Sm90HalfWithResults>(Inputs(null), DeviceOutput(), SkipThreshold.PerSequence(new[] { 0f, 0f })));
        RequireRefusal(thresholds, "threshold.PerSequenceValues", "Host memory", "one kind of memory");
        Assert.Equal(0, driver.Launches);
    }

    [Fact]
    public void Tensor_map_the_driver_refuses_is_an_error_that_names_the_argument()
    {
        driver.EncodeResult = (CudaResult)1;
        RequireRefusal(Assert.Throws<ArgumentException>(() => Run()), "inputs.Query", "FAKE_ERROR_1", "copy the tensor");
        Assert.Equal(0, driver.Launches);
    }

    [Fact]
    public void Host_tensors_are_copied_there_and_back_and_rows_past_a_length_stay_as_they_were()
    {
        var shape = new TensorShape(2, 3, 2, 64);
        // Every row of 64 elements in the output is followed by 8 that belong to somebody else.
        var strides = new TensorStrides(3 * 2 * 72, 2 * 72, 72);
        Half[] query = [.. Enumerable.Range(0, 2 * 3 * 2 * 72).Select(index => (Half)(index % 1000))], output = new Half[query.Length];
        Array.Fill(output, (Half)42);
        int[] lengths = [3, 1];
        driver.OnLaunch = arguments => CopyRows(arguments, driver.Maps[0].Address);
        TensorView key = TensorView.Host<Half>(new Half[2 * 5 * 2 * 64], new(2, 5, 2, 64));
        context.Run<Sm90Half>(
            new AttentionInputs(TensorView.Host<Half>(query, shape, strides), key, key) { QueryLengths = lengths },
            new AttentionOutput(OutputView.Host<Half>(output, shape, strides)), SkipThreshold.Fixed(0.1f));
        for (int index = 0; index < output.Length; index++)
        {
            int batch = index / (3 * 2 * 72), row = index / (2 * 72) % 3;
            bool written = index % 72 < 64 && row < lengths[batch];
            Assert.Equal(written ? query[index] : (Half)42, output[index]);
        }
        // Only the scheduler's slots are left.
        Assert.Equal(1, driver.Allocations);
    }

    [Fact]
    public void Failed_launch_of_host_tensors_frees_the_copies()
    {
        driver.OnLaunch = _ => throw new InvalidOperationException("kernel");
        Assert.Throws<InvalidOperationException>(() =>
        {
            TensorView view = TensorView.Host<Half>(new Half[64], new(1, 1, 1, 64));
            context.Run<Sm90Half>(new AttentionInputs(view, view, view), new AttentionOutput(OutputView.Host<Half>(new Half[64], view.Shape)), SkipThreshold.Fixed(0));
        });
        Assert.Equal(1, driver.Allocations);
    }

    [Fact]
    public void Host_tensors_under_capture_are_refused()
    {
        context.Prepare<Sm90Half>();
        driver.Capture = CudaCaptureStatus.Active;
        Assert.Contains("pass device tensors", Assert.Throws<InvalidOperationException>(() =>
        {
            TensorView view = TensorView.Host<Half>(new Half[64], new(1, 1, 1, 64));
            context.Run<Sm90Half>(new AttentionInputs(view, view, view), new AttentionOutput(OutputView.Host<Half>(new Half[64], view.Shape)), SkipThreshold.Fixed(0));
        }).Message, StringComparison.Ordinal);
    }

    /// <summary>Stands in for the kernel: copies each valid row of Q, packed on the device, to O.</summary>
    internal static void CopyRows(PrefillArguments arguments, nint packedQuery)
    {
        var lengths = new ReadOnlySpan<int>((void*)arguments.QueryLengths, arguments.Batch);
        var query = (Half*)packedQuery;
        for (int batch = 0; batch < arguments.Batch; batch++)
        {
            for (int row = 0; row < lengths[batch]; row++)
            {
                for (int head = 0; head < arguments.QueryHeads; head++)
                {
                    Half* source = query + ((((batch * arguments.QueryLength) + row) * arguments.QueryHeads) + head) * 64;
                    long offset = (batch * arguments.OutputBatchStride) + (row * arguments.OutputRowStride) + (head * arguments.OutputHeadStride);
                    Unsafe.CopyBlock((Half*)arguments.Output + offset, source, 128);
                }
            }
        }
    }

    private static AttentionInputs Inputs(int[]? hostLengths) => new(
        TensorView.Device(Query, ElementType.Float16, queryShape), TensorView.Device(Key, ElementType.Float16, keyShape), TensorView.Device(Value, ElementType.Float16, keyShape))
    {
        KeyLengths = hostLengths,
    };

    private static AttentionOutput DeviceOutput() => new(OutputView.Device(Output, ElementType.Float16, queryShape));

    private static void RequireRefusal(ArgumentException exception, string name, params string[] texts)
    {
        Assert.Equal(name, exception.ParamName);
        Assert.All(texts, text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
    }

    private void Run(TensorShape? query = null, TensorShape? key = null, TensorStrides? keyStrides = null, TensorStrides? outputStrides = null, int queryOffset = 0, nint outputAddress = Output)
    {
        TensorShape rows = query ?? queryShape, keys = key ?? keyShape;
        var inputs = new AttentionInputs(
            TensorView.Device(Query + queryOffset, ElementType.Float16, rows),
            TensorView.Device(Key, ElementType.Float16, keys, keyStrides ?? keys.Packed),
            TensorView.Device(Value, ElementType.Float16, keys, keyStrides ?? keys.Packed))
        {
            Stream = Stream,
        };
        context.Run<Sm90Half>(inputs, new AttentionOutput(OutputView.Device(outputAddress, ElementType.Float16, rows, outputStrides ?? rows.Packed)), SkipThreshold.Fixed(0.01f));
    }
}
