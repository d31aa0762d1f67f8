using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Tests;

/// <summary>The arguments of a valid decode call on a paged cache in host memory, for tests to spoil one at a time.</summary>
internal sealed class PagedCall
{
    private const float Untouched = 42;

    public TensorShape QueryShape { get; set; } = new(2, 1, 4, 64);

    public PageShape Pool { get; set; } = new(6, 16, 2, 64);

    public PageShape? ValuePool { get; set; }

    public int[] Table { get; set; } = [3, 0, 5, 1, 4, 2];

    public int TableBatch { get; set; } = 2;

    public int[]? KeyLengths { get; set; } = [40, 17];

    public int? CountersLength { get; set; }

    public DecodeStatus[]? Status { get; set; }

    public bool ForgetTable { get; set; }

    public float[] Output { get; private set; } = [];

    public void Run<TDescriptor>(AttentionContext context) where TDescriptor : IAttentionDescriptor
    {
        float[] query = New(QueryShape.Batch * QueryShape.Length * QueryShape.Heads * QueryShape.HeadDim);
        float[] key = New(Pool.Pages * Pool.PageSize * Pool.Heads * Pool.HeadDim), value = New(key.Length * 2);
        Output = New(query.Length);
        BlockTable table = ForgetTable ? default : BlockTable.Host(Table, TableBatch, Table.Length / TableBatch);
        var inputs = new AttentionInputs(
            TensorView.Host<float>(query, QueryShape), PagedView.Host<float>(key, Pool), PagedView.Host<float>(value, ValuePool ?? Pool, (ValuePool ?? Pool).Hnd), table)
        {
            KeyLengths = KeyLengths,
        };
        context.Run<TDescriptor>(inputs, new AttentionOutput(OutputView.Host<float>(Output, QueryShape))
        {
            Counters = CountersLength is int length ? new TileCounters[length] : default,
            Status = Status,
        }, SkipThreshold.Fixed(0.01f));
    }

    /// <summary>Expects an error with this argument's name and all of these texts, and that nothing was written.</summary>
    public void Refused<TDescriptor, TException>(string argument, params string[] texts)
        where TDescriptor : IAttentionDescriptor
        where TException : ArgumentException
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var exception = Assert.Throws<TException>(() => Run<TDescriptor>(context));
        Assert.Equal(argument, exception.ParamName);
        Assert.All(texts, text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
        Assert.All(Output, value => Assert.Equal(Untouched, value));
    }

    private static float[] New(int count)
    {
        float[] values = new float[count];
        Array.Fill(values, Untouched);
        return values;
    }
}

internal sealed class PagedFloat32 : IAttentionDescriptor
{
    public static AttentionSpecification Specification { get; } = Declarations.Specification(nameof(PagedFloat32), ElementType.Float32, ThresholdMode.Fixed) with
    {
        Phase = AttentionPhase.Decode,
        KvLayout = KvLayout.Paged,
        PageSize = 16,
        MaxQueryLength = 2,
    };

    public static IReadOnlyList<GpuKernel> Kernels { get; } = [];

    public static ReadOnlySpan<byte> GetKernelText(int index) => throw new ArgumentOutOfRangeException(nameof(index));
}

internal sealed class CountedPagedFloat32 : IAttentionDescriptor
{
    public static AttentionSpecification Specification { get; } = PagedFloat32.Specification with { Name = nameof(CountedPagedFloat32), CountTiles = true };

    public static IReadOnlyList<GpuKernel> Kernels { get; } = [];

    public static ReadOnlySpan<byte> GetKernelText(int index) => throw new ArgumentOutOfRangeException(nameof(index));
}
