namespace SkipSoftmax.Tests;

/// <summary>Every bad argument is refused by name, with its value and the fix, before anything is written.</summary>
public sealed class ArgumentTests
{
    [Fact]
    public void Valid_calls_run()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var call = new HostCall();
        call.Run<FixedFloat32>(context);
        HostCall.WithResults().Run<PerSequenceWithResults>(context);
        // All values are equal, so every row's weighted mean is that value.
        Assert.Equal(42, call.Memory[call.OutputStart], 1e-3);
    }

    [Theory]
    [InlineData("inputs.Query")]
    [InlineData("inputs.Key")]
    [InlineData("inputs.Value")]
    [InlineData("output.Output")]
    public void Tensor_that_was_never_set_is_named(string name)
    {
        using var context = new AttentionContext();
        var memory = new float[64];
        var shape = new TensorShape(1, 1, 1, 64);
        var exception = Assert.Throws<ArgumentException>(() =>
        {
            TensorView set = TensorView.Host<float>(memory, shape), unset = default;
            var inputs = new AttentionInputs(name == "inputs.Query" ? unset : set, name == "inputs.Key" ? unset : set, name == "inputs.Value" ? unset : set);
            context.Run<DenseFloat32>(inputs, new AttentionOutput(name == "output.Output" ? default : OutputView.Host<float>(new float[64], shape)));
        });
        Assert.Equal(name, exception.ParamName);
        Assert.Contains("never set", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Key_of_another_batch_is_refused() =>
        new HostCall { KeyShape = new(1, 7, 2, 64) }.Refused<FixedFloat32, ArgumentException>("inputs.Key", "[1, 7, 2, 64]", "a batch of 1", "pass one key sequence for each");

    [Fact]
    public void Value_of_another_shape_than_key_is_refused() =>
        new HostCall { ValueShape = new(2, 6, 2, 64) }.Refused<FixedFloat32, ArgumentException>("inputs.Value", "[2, 6, 2, 64]", "pass a value for every key");

    [Fact]
    public void Output_of_another_shape_than_query_is_refused() =>
        new HostCall { OutputShape = new(2, 5, 2, 64) }.Refused<FixedFloat32, ArgumentException>("output.Output", "[2, 5, 2, 64]", "pass an output of the query's shape");

    [Fact]
    public void Query_heads_that_are_no_multiple_are_refused() =>
        new HostCall { KeyShape = new(2, 7, 3, 64) }.Refused<FixedFloat32, ArgumentException>("inputs.Query", "4 heads", "multiple of the 3");

    [Fact]
    public void Head_dim_other_than_declared_is_refused() =>
        new HostCall { QueryShape = new(2, 5, 4, 32) }.Refused<FixedFloat32, ArgumentException>("inputs.Query", "head dim of 32", "HeadDim = 64", "declare another method");

    [Fact]
    public void Element_other_than_declared_is_refused()
    {
        using var context = new AttentionContext();
        var exception = Assert.Throws<ArgumentException>(() =>
        {
            var shape = new TensorShape(1, 1, 1, 64);
            TensorView half = TensorView.Host<Half>(new Half[64], shape);
            context.Run<FixedFloat32>(new AttentionInputs(half, half, half), new AttentionOutput(OutputView.Host<Half>(new Half[64], shape)), SkipThreshold.Fixed(0));
        });
        Assert.Equal("inputs.Query", exception.ParamName);
        Assert.Contains("Float16", exception.Message, StringComparison.Ordinal);
        Assert.Contains("convert the tensor", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(640, 128, 32)]
    [InlineData(1280, 0, 64)]
    [InlineData(0, 256, 64)]
    [InlineData(1280, 192, 64)]
    public void Output_strides_that_share_addresses_are_refused(int batch, int length, int head) =>
        new HostCall { OutputStrides = new(batch, length, head) }.Refused<FixedFloat32, ArgumentException>("output.Output", $"[{batch}, {length}, {head}, 1]", "TensorShape.Packed");

    [Fact]
    public void Output_strides_of_dimensions_of_one_element_do_not_matter()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var call = new HostCall { QueryShape = new(1, 5, 1, 64), KeyShape = new(1, 7, 1, 64), OutputStrides = new(0, 64, 0) };
        call.Run<FixedFloat32>(context);
        Assert.Equal(42, call.Memory[call.OutputStart], 1e-3);
    }

    [Fact]
    public void Inputs_may_repeat_a_sequence_with_a_stride_of_zero()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var call = new HostCall { KeyStrides = new(0, 128, 64) };
        call.Run<FixedFloat32>(context);
        Assert.Equal(42, call.Memory[call.OutputStart], 1e-3);
    }

    [Theory]
    [InlineData(nameof(HostCall.QueryStart), "inputs.Query")]
    [InlineData(nameof(HostCall.KeyStart), "inputs.Key")]
    [InlineData(nameof(HostCall.ValueStart), "inputs.Value")]
    public void Output_that_overlaps_an_input_is_refused(string overlapped, string name)
    {
        var call = new HostCall();
        int start = overlapped switch
        {
            nameof(HostCall.QueryStart) => call.QueryStart,
            nameof(HostCall.KeyStart) => call.KeyStart,
            _ => call.ValueStart,
        };
        call.OutputStart = start + 100;
        call.Refused<FixedFloat32, ArgumentException>("output.Output", $"overlaps {name}", "memory of its own");
    }

    [Fact]
    public void Output_right_behind_an_input_is_no_overlap()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var call = new HostCall();
        call.OutputStart = call.QueryStart + (2 * 5 * 4 * 64);
        call.Run<FixedFloat32>(context);
        Assert.Equal(42, call.Memory[call.OutputStart], 1e-3);
    }

    [Theory]
    [InlineData(0, "inputs.Query")]
    [InlineData(30_000, "output.Output")]
    public void Lse_that_overlaps_a_tensor_is_refused(int start, string name)
    {
        HostCall call = HostCall.WithResults();
        call.LseStart = start;
        call.Refused<PerSequenceWithResults, ArgumentException>("output.Lse", $"overlaps {name}");
    }

    [Fact]
    public void Lse_that_overlaps_the_thresholds_is_refused()
    {
        HostCall call = HostCall.WithResults();
        float[] lambdas = new float[2 * 4 * 5];
        call.Lse = lambdas;
        call.Threshold = () => SkipThreshold.PerSequence(lambdas.AsSpan(0, 2));
        call.Refused<PerSequenceWithResults, ArgumentException>("output.Lse", "overlaps threshold.PerSequenceValues");
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Scale_that_is_not_finite_and_positive_is_refused(float scale) =>
        new HostCall { Scale = scale }.Refused<FixedFloat32, ArgumentOutOfRangeException>("inputs.Scale", $"inputs.Scale is {scale}", "leave it null");

    [Fact]
    public void Threshold_of_another_mode_is_refused() =>
        new HostCall { Threshold = static () => SkipThreshold.ContextScaled(100) }
            .Refused<FixedFloat32, ArgumentException>("threshold", "mode ContextScaled", "Threshold = Fixed", "SkipThreshold.Fixed");

    [Fact]
    public void Missing_threshold_is_refused() =>
        new HostCall { Threshold = static () => default }.Refused<FixedFloat32, ArgumentException>("threshold", "mode Off", "SkipThreshold.Fixed");

    [Fact]
    public void Threshold_for_a_dense_declaration_is_refused() =>
        new HostCall().Refused<DenseFloat32, ArgumentException>("threshold", "mode Fixed", "pass no threshold");

    [Theory]
    [InlineData(-0.5f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Threshold_that_is_no_finite_number_from_zero_is_refused(float lambda)
    {
        Assert.Equal("lambda", Assert.Throws<ArgumentOutOfRangeException>(() => SkipThreshold.Fixed(lambda)).ParamName);
        Assert.Equal("thresholdScaleFactor", Assert.Throws<ArgumentOutOfRangeException>(() => SkipThreshold.ContextScaled(lambda)).ParamName);
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => SkipThreshold.PerSequence(new[] { 0, lambda }));
        Assert.Equal("lambdas", exception.ParamName);
        Assert.Contains("pass 0 to skip nothing", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void Target_sparsity_outside_its_range_is_refused(double target) =>
        Assert.Equal("target", Assert.Throws<ArgumentOutOfRangeException>(() => SkipThreshold.TargetSparsity(target, new(1, 1))).ParamName);

    [Fact]
    public void Calibration_without_a_finite_factor_is_refused() =>
        Assert.Equal("calibration", Assert.Throws<ArgumentOutOfRangeException>(() => SkipThreshold.TargetSparsity(0.5, new(1, 1e9))).ParamName);

    [Fact]
    public void Thresholds_that_are_not_one_for_each_sequence_are_refused()
    {
        HostCall call = HostCall.WithResults();
        call.Threshold = static () => SkipThreshold.PerSequence(new float[3]);
        call.Refused<PerSequenceWithResults, ArgumentException>("threshold.PerSequenceValues", "3 elements", "the batch is 2", "one λ for each sequence");
    }

    [Fact]
    public void Lengths_that_are_not_one_for_each_sequence_are_refused()
    {
        new HostCall { QueryLengths = [5] }.Refused<FixedFloat32, ArgumentException>("inputs.QueryLengths", "1 elements", "the batch is 2");
        new HostCall { KeyLengths = [7, 7, 7] }.Refused<FixedFloat32, ArgumentException>("inputs.KeyLengths", "3 elements", "the batch is 2");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(8)]
    [InlineData(int.MinValue)]
    public void Length_outside_its_tensor_is_refused(int length) =>
        new HostCall { KeyLengths = [7, length] }.Refused<FixedFloat32, ArgumentOutOfRangeException>("inputs.KeyLengths", $"inputs.KeyLengths[1] is {length}", "from 0 to 7");

    [Fact]
    public void Query_length_outside_its_tensor_is_refused() =>
        new HostCall { QueryLengths = [6, 5] }.Refused<FixedFloat32, ArgumentOutOfRangeException>("inputs.QueryLengths", "inputs.QueryLengths[0] is 6", "from 0 to 5");

    [Fact]
    public void Results_that_were_not_declared_are_refused()
    {
        new HostCall { Lse = new float[40] }.Refused<FixedFloat32, ArgumentException>("output.Lse", "40 elements", "ReturnLse = true");
        new HostCall { Counters = new TileCounters[8] }.Refused<FixedFloat32, ArgumentException>("output.Counters", "8 elements", "CountTiles = true");
        new HostCall { Decisions = new TileDecision[8] }.Refused<FixedFloat32, ArgumentException>("output.Decisions", "8 elements", "RecordDecisions = true");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(39)]
    [InlineData(41)]
    public void Declared_lse_of_another_length_is_refused(int length)
    {
        HostCall call = HostCall.WithResults();
        call.Lse = new float[length];
        call.Refused<PerSequenceWithResults, ArgumentException>("output.Lse", $"{length} elements", "writes 40", "exactly that length");
    }

    [Fact]
    public void Declared_counters_or_decisions_of_another_length_are_refused()
    {
        HostCall call = HostCall.WithResults();
        call.Counters = null;
        call.Refused<PerSequenceWithResults, ArgumentException>("output.Counters", "0 elements", "writes 8");
        call.Counters = new TileCounters[8];
        call.Decisions = new TileDecision[9];
        call.Refused<PerSequenceWithResults, ArgumentException>("output.Decisions", "9 elements", "writes 8");
    }

    [Fact]
    public void Products_beyond_32_bits_are_refused()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            var shape = new TensorShape(1 << 16, 1 << 12, 1 << 10, 64);
            TensorView view = TensorView.Device(4096, ElementType.Float32, shape);
            context.Run<DenseFloat32>(new AttentionInputs(view, view, view), new AttentionOutput(OutputView.Device(4096, ElementType.Float32, shape)));
        });
        Assert.Equal("inputs.Query", exception.ParamName);
        Assert.Contains("batch × query heads × query blocks = 4294967296", exception.Message, StringComparison.Ordinal);
        Assert.Contains("split the batch or the heads", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Device_tensors_on_the_cpu_path_are_refused_with_the_reason()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var exception = Assert.Throws<ArgumentException>(() =>
        {
            var shape = new TensorShape(1, 1, 1, 64);
            TensorView view = TensorView.Device(4096, ElementType.Float32, shape);
            context.Run<DenseFloat32>(new AttentionInputs(view, view, view), new AttentionOutput(OutputView.Device(8192, ElementType.Float32, shape)));
        });
        Assert.Equal("inputs.Query", exception.ParamName);
        Assert.Contains("0x1000", exception.Message, StringComparison.Ordinal);
        Assert.Contains("The policy is CpuOnly. Pass host tensors", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("inputs.Key")]
    [InlineData("inputs.Value")]
    [InlineData("output.Output")]
    public void Host_and_device_tensors_in_one_call_are_refused(string onDevice)
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var exception = Assert.Throws<ArgumentException>(() =>
        {
            var shape = new TensorShape(1, 1, 1, 64);
            TensorView host = TensorView.Host<float>(new float[64], shape), device = TensorView.Device(4096, ElementType.Float32, shape);
            OutputView output = onDevice == "output.Output" ? OutputView.Device(8192, ElementType.Float32, shape) : OutputView.Host<float>(new float[64], shape);
            context.Run<DenseFloat32>(new AttentionInputs(host, onDevice == "inputs.Key" ? device : host, onDevice == "inputs.Value" ? device : host), new AttentionOutput(output));
        });
        Assert.Equal(onDevice, exception.ParamName);
        Assert.Contains("one kind of memory", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Device_lengths_with_host_tensors_are_refused()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var exception = Assert.Throws<ArgumentException>(() =>
        {
            var shape = new TensorShape(1, 1, 1, 64);
            TensorView host = TensorView.Host<float>(new float[64], shape);
            context.Run<DenseFloat32>(new AttentionInputs(host, host, host) { KeyLengths = InputBuffer<int>.Device(4096, 1) }, new AttentionOutput(OutputView.Host<float>(new float[64], shape)));
        });
        Assert.Equal("inputs.KeyLengths", exception.ParamName);
        Assert.Contains("Device memory", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Views_refuse_data_that_the_shape_does_not_fit()
    {
        var shape = new TensorShape(1, 2, 1, 64);
        Assert.Equal("data", Assert.Throws<ArgumentException>(() => TensorView.Host<float>(new float[127], shape)).ParamName);
        Assert.Equal("data", Assert.Throws<ArgumentException>(() => TensorView.Host<int>(new int[128], shape)).ParamName);
        Assert.Equal("strides", Assert.Throws<ArgumentException>(() => TensorView.Host<float>(new float[256], shape, new(128, 64, 64, 2))).ParamName);
        Assert.Equal("strides", Assert.Throws<ArgumentException>(() => OutputView.Host<float>(new float[256], shape, new(128, -64, 64))).ParamName);
        Assert.Equal("shape", Assert.Throws<ArgumentOutOfRangeException>(() => TensorView.Host<float>(new float[256], shape with { Length = 0 })).ParamName);
        Assert.Equal("pointer", Assert.Throws<ArgumentException>(() => TensorView.Device(0, ElementType.Float16, shape)).ParamName);
        Assert.Equal("pointer", Assert.Throws<ArgumentException>(() => OutputBuffer<float>.Device(0, 1)).ParamName);
        Assert.Equal("length", Assert.Throws<ArgumentOutOfRangeException>(() => InputBuffer<int>.Device(64, 0)).ParamName);
    }

    [Fact]
    public void Options_that_can_not_be_are_refused()
    {
        Assert.Equal("options.Policy", Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionContext(new() { Policy = (BackendPolicy)9 })).ParamName);
        Assert.Equal("options.DeviceOrdinal", Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionContext(new() { DeviceOrdinal = -1 })).ParamName);
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionContext(new() { CpuThreads = -2 }));
        Assert.Equal("options.CpuThreads", exception.ParamName);
        Assert.Contains("is -2", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Disposed_context_refuses_every_call()
    {
        var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        context.Dispose();
        context.Dispose();
        Assert.Throws<ObjectDisposedException>(() => new HostCall().Run<FixedFloat32>(context));
        Assert.Throws<ObjectDisposedException>(() => context.Prepare<FixedFloat32>());
        Assert.Throws<ObjectDisposedException>(() => context.ChooseBackend<FixedFloat32>());
        Assert.Throws<ObjectDisposedException>(context.Describe);
    }
}
