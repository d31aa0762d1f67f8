using System.Buffers;
using System.Numerics.Tensors;

namespace SkipSoftmax.Tests;

/// <summary>Views of System.Numerics.Tensors' spans.</summary>
public sealed class TensorSpanTests
{
    private static readonly float[] data = [.. Enumerable.Range(0, 2 * 3 * 4 * 64).Select(index => (float)index)];

    [Fact]
    public void Tensor_span_keeps_its_shape_and_strides()
    {
        TensorView view = TensorView.Host<float>(new ReadOnlyTensorSpan<float>(data, [2, 3, 4, 64]));
        Assert.Equal((new TensorShape(2, 3, 4, 64), new TensorShape(2, 3, 4, 64).Packed), (view.Shape, view.Strides));
        Assert.Equal(data.Length * sizeof(float), view.HostBytes.Length);
    }

    [Fact]
    public void Sliced_tensor_span_is_viewed_in_place()
    {
        NRange[] ranges = [new(1, 2), new(1, 3), new(2, 4), new(0, 64)];
        TensorSpan<float> slice = new TensorSpan<float>(data, [2, 3, 4, 64])[ranges];
        OutputView view = OutputView.Host(slice);
        Assert.Equal(new TensorShape(1, 2, 2, 64), view.Shape);
        Assert.Equal((4 * 64, 64, 1), (view.Strides.Length, view.Strides.Head, view.Strides.Dim));
        Assert.Equal((((3 + 1) * 4) + 2) * 64, BitConverter.ToSingle(view.HostBytes));
    }

    [Fact]
    public void Tensor_span_of_other_than_four_dimensions_is_refused()
    {
        var exception = Assert.Throws<ArgumentException>(() => TensorView.Host<float>(new ReadOnlyTensorSpan<float>(data, [6, 4, 64])));
        Assert.Equal("tensor", exception.ParamName);
        Assert.Contains("has 3 dimensions", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensor_span_that_is_not_contiguous_in_the_last_dimension_is_refused()
    {
        var exception = Assert.Throws<ArgumentException>(() => TensorView.Host<float>(new ReadOnlyTensorSpan<float>(data, [1, 1, 1, 64], [0, 0, 0, 2])));
        Assert.Equal("tensor", exception.ParamName);
        Assert.Contains("stride is 2", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Empty_tensor_span_is_refused() =>
        Assert.Equal("tensor", Assert.ThrowsAny<ArgumentException>(() => TensorView.Host(ReadOnlyTensorSpan<float>.Empty)).ParamName);
}
