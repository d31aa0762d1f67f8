using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Tests;

/// <summary>Makes a threshold: a ref struct, so no variable of a test can hold it.</summary>
internal delegate SkipThreshold ThresholdMaker();

/// <summary>The arguments of a valid call in host memory, for tests to spoil one at a time.</summary>
internal sealed class HostCall
{
    private const float Untouched = 42;

    public TensorShape QueryShape { get; set; } = new(2, 5, 4, 64);

    public TensorShape KeyShape { get; set; } = new(2, 7, 2, 64);

    public TensorShape? ValueShape { get; set; }

    public TensorShape? OutputShape { get; set; }

    public TensorStrides? KeyStrides { get; set; }

    public TensorStrides? OutputStrides { get; set; }

    /// <summary>Where tensors lie in <see cref="Memory"/>, so that tests can let them overlap.</summary>
    public int QueryStart { get; set; }

    public int KeyStart { get; set; } = 10_000;

    public int ValueStart { get; set; } = 20_000;

    public int OutputStart { get; set; } = 30_000;

    public float[] Memory { get; } = NewMemory();

    public float? Scale { get; set; }

    public int[]? QueryLengths { get; set; }

    public int[]? KeyLengths { get; set; }

    public float[]? Lse { get; set; }

    /// <summary>Element of <see cref="Memory"/> at which the LSE lies, instead of memory of its own.</summary>
    public int? LseStart { get; set; }

    public TileCounters[]? Counters { get; set; }

    public TileDecision[]? Decisions { get; set; }

    public ThresholdMaker Threshold { get; set; } = static () => SkipThreshold.Fixed(0.01f);

    /// <summary>A call whose declaration asks for every result and a λ for each sequence.</summary>
    public static HostCall WithResults() => new()
    {
        Lse = new float[2 * 4 * 5],
        Counters = new TileCounters[2 * 4],
        Decisions = new TileDecision[2 * 4],
        Threshold = static () => SkipThreshold.PerSequence(new[] { 0.01f, 0.02f }),
    };

    public void Run<TDescriptor>(AttentionContext context) where TDescriptor : IAttentionDescriptor
    {
        TensorShape value = ValueShape ?? KeyShape, output = OutputShape ?? QueryShape;
        var inputs = new AttentionInputs(
            TensorView.Host<float>(Memory.AsSpan(QueryStart), QueryShape),
            TensorView.Host<float>(Memory.AsSpan(KeyStart), KeyShape, KeyStrides ?? KeyShape.Packed),
            TensorView.Host<float>(Memory.AsSpan(ValueStart), value))
        {
            Scale = Scale,
            QueryLengths = QueryLengths,
            KeyLengths = KeyLengths,
        };
        context.Run<TDescriptor>(inputs, new AttentionOutput(OutputView.Host(Memory.AsSpan(OutputStart), output, OutputStrides ?? output.Packed))
        {
            Lse = LseStart is int start ? Memory.AsSpan(start, 2 * 4 * 5) : Lse,
            Counters = Counters,
            Decisions = Decisions,
        }, Threshold());
    }

    /// <summary>Expects an error with this argument's name and all of these texts, and that nothing was written.</summary>
    public TException Refused<TDescriptor, TException>(string argument, params string[] texts)
        where TDescriptor : IAttentionDescriptor
        where TException : ArgumentException
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        float[] before = [.. Memory];
        var exception = Assert.Throws<TException>(() => Run<TDescriptor>(context));
        Assert.Equal(argument, exception.ParamName);
        Assert.All(texts, text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
        Assert.Equal(before, Memory);
        return exception;
    }

    private static float[] NewMemory()
    {
        var memory = new float[40_000];
        Array.Fill(memory, Untouched);
        return memory;
    }
}
