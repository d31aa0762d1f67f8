namespace SkipSoftmax.Tests;

/// <summary>Every bad argument of a decode call on a paged cache is refused by name, with its value and the fix, before anything is written.</summary>
public sealed class PagedArgumentTests
{
    [Fact]
    public void Valid_call_runs()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var call = new PagedCall { Status = [(DecodeStatus)77] };
        call.Run<PagedFloat32>(context);
        Assert.All(call.Output, value => Assert.Equal(42, value, 1e-3));
        Assert.Equal([DecodeStatus.None], call.Status);
    }

    [Fact]
    public void Entries_past_the_used_ones_may_hold_anything()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var call = new PagedCall { Table = [3, 0, 5, 1, -1, int.MaxValue], KeyLengths = [48, 16] };
        call.Run<PagedFloat32>(context);
        Assert.All(call.Output, value => Assert.Equal(42, value, 1e-3));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(6)]
    [InlineData(int.MinValue)]
    public void Entry_that_is_no_page_of_the_pool_is_refused(int page) => new PagedCall { Table = [3, 0, 5, 1, page, 2] }.Refused<PagedFloat32, ArgumentOutOfRangeException>(
        "inputs.BlockTable", $"inputs.BlockTable[1, 1] is {page}", "[6, 16, 2, 64]", "pages 0 to 5", "17 tokens use 2 entries", "inputs.KeyLengths");

    [Theory]
    [InlineData(-1)]
    [InlineData(49)]
    public void Length_past_the_table_is_refused(int length) => new PagedCall { KeyLengths = [40, length] }.Refused<PagedFloat32, ArgumentOutOfRangeException>(
        "inputs.KeyLengths", $"inputs.KeyLengths[1] is {length}", "inputs.BlockTable [2, 3] with pages of 16 tokens", "from 0 to 48");

    [Fact]
    public void Page_size_other_than_declared_is_refused() => new PagedCall { Pool = new(6, 32, 2, 64) }.Refused<PagedFloat32, ArgumentException>(
        "inputs.Key", "[6, 32, 2, 64]", "pages of 32 tokens", "PageSize = 16");

    [Fact]
    public void Value_pool_of_another_shape_is_refused() => new PagedCall { ValuePool = new(5, 16, 2, 64) }.Refused<PagedFloat32, ArgumentException>(
        "inputs.Value", "[5, 16, 2, 64]", "[6, 16, 2, 64]");

    [Fact]
    public void Missing_table_is_refused() => new PagedCall { ForgetTable = true }.Refused<PagedFloat32, ArgumentException>(
        "inputs.BlockTable", "never set", "BlockTable.Host");

    [Fact]
    public void Table_of_another_batch_is_refused() => new PagedCall { TableBatch = 3 }.Refused<PagedFloat32, ArgumentException>(
        "inputs.BlockTable", "inputs.BlockTable is [3, 2]", "has 2 sequences", "one row for each");

    [Fact]
    public void Query_heads_that_are_no_multiple_are_refused() => new PagedCall { QueryShape = new(2, 1, 3, 64) }.Refused<PagedFloat32, ArgumentException>(
        "inputs.Query", "3 heads", "multiple of the 2");

    [Fact]
    public void More_query_tokens_than_declared_are_refused() => new PagedCall { QueryShape = new(2, 3, 4, 64) }.Refused<PagedFloat32, ArgumentException>(
        "inputs.Query", "3 query tokens", "MaxQueryLength = 2", "Phase = Prefill");

    [Fact]
    public void Counters_are_one_for_each_key_value_head() => new PagedCall { CountersLength = 8 }.Refused<CountedPagedFloat32, ArgumentException>(
        "output.Counters", "8 elements", "writes 4", "[batch, key/value heads]");

    [Fact]
    public void Pages_for_a_contiguous_declaration_are_refused() => new PagedCall().Refused<FixedFloat32, ArgumentException>(
        "inputs.Key", "a pool of pages [6, 16, 2, 64]", "KvLayout = Contiguous");

    [Fact]
    public void Tensors_for_a_paged_declaration_are_refused() => new HostCall().Refused<PagedFloat32, ArgumentException>(
        "inputs.Key", "a tensor [2, 7, 2, 64]", "KvLayout = Paged", "BlockTable");

    [Fact]
    public void Status_of_prefill_or_of_another_length_is_refused()
    {
        new PagedCall { Status = new DecodeStatus[2] }.Refused<PagedFloat32, ArgumentException>("output.Status", "2 elements", "exactly that length");
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var exception = Assert.Throws<ArgumentException>(() =>
        {
            var shape = new TensorShape(1, 1, 1, 64);
            TensorView view = TensorView.Host<float>(new float[64], shape);
            context.Run<DenseFloat32>(new AttentionInputs(view, view, view), new AttentionOutput(OutputView.Host<float>(new float[64], shape)) { Status = new DecodeStatus[1] });
        });
        Assert.Equal("output.Status", exception.ParamName);
        Assert.Contains("Phase = Prefill", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Device_table_with_host_tensors_is_refused()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly });
        var exception = Assert.Throws<ArgumentException>(() =>
        {
            var shape = new PageShape(2, 16, 1, 64);
            var queryShape = new TensorShape(1, 1, 1, 64);
            PagedView pages = PagedView.Host<float>(new float[2 * 16 * 64], shape);
            context.Run<PagedFloat32>(new AttentionInputs(TensorView.Host<float>(new float[64], queryShape), pages, pages, BlockTable.Device(4096, 1, 2)),
                new AttentionOutput(OutputView.Host<float>(new float[64], queryShape)), SkipThreshold.Fixed(0));
        });
        Assert.Equal("inputs.BlockTable", exception.ParamName);
        Assert.Contains("Device memory", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Views_refuse_what_the_shape_does_not_fit()
    {
        var shape = new PageShape(2, 16, 2, 64);
        Assert.Equal("data", Assert.Throws<ArgumentException>(() => PagedView.Host<float>(new float[(2 * 16 * 2 * 64) - 1], shape)).ParamName);
        Assert.Equal("shape", Assert.Throws<ArgumentOutOfRangeException>(() => PagedView.Host<float>(new float[64], shape with { Pages = 0 })).ParamName);
        Assert.Equal("pointer", Assert.Throws<ArgumentException>(() => PagedView.Device(0, ElementType.Float16, shape)).ParamName);
        Assert.Equal("pages", Assert.Throws<ArgumentException>(() => BlockTable.Host(new int[5], 2, 3)).ParamName);
        Assert.Equal("pagesPerSequence", Assert.Throws<ArgumentOutOfRangeException>(() => BlockTable.Host(new int[5], 2, 0)).ParamName);
        Assert.Equal("pointer", Assert.Throws<ArgumentException>(() => BlockTable.Device(0, 2, 3)).ParamName);
    }
}
