using System.Numerics.Tensors;
using SkipSoftmax.Tensors;

namespace SkipSoftmax.Tool.Tensors;

/// <summary>Tensors of a file as arguments of a call.</summary>
internal static class TensorViews
{
    /// <param name="first">Elements before the view's first.</param>
    public static TensorView View(this TensorData tensor, TensorShape shape, TensorStrides strides, long first = 0) => tensor.Element switch
    {
        ElementType.Float16 => TensorView.Host<Half>(tensor.Elements<Half>()[(int)first..], shape, strides),
        ElementType.BFloat16 => TensorView.Host<BFloat16>(tensor.Elements<BFloat16>()[(int)first..], shape, strides),
        _ => TensorView.Host<float>(tensor.Elements<float>()[(int)first..], shape, strides),
    };

    public static OutputView OutputView(this TensorData tensor, TensorShape shape) => tensor.Element switch
    {
        ElementType.Float16 => SkipSoftmax.OutputView.Host(tensor.Elements<Half>(), shape),
        ElementType.BFloat16 => SkipSoftmax.OutputView.Host(tensor.Elements<BFloat16>(), shape),
        _ => SkipSoftmax.OutputView.Host(tensor.Elements<float>(), shape),
    };

    /// <summary>Room for a result of this shape.</summary>
    public static TensorData Allocate(ElementType element, TensorShape shape)
    {
        int[] extents = [shape.Batch, shape.Length, shape.Heads, shape.HeadDim];
        return new(element, extents, new byte[TensorData.BytesOf([.. extents.Select(extent => (long)extent)], element == ElementType.Float32 ? sizeof(float) : sizeof(ushort))!.Value]);
    }

    /// <summary>‖this − exact‖ / ‖exact‖.</summary>
    public static double DistanceTo(this TensorData tensor, TensorData exact)
    {
        float[] values = tensor.ToSingle(), exactValues = exact.ToSingle();
        return TensorPrimitives.Distance<float>(values, exactValues) / TensorPrimitives.Norm<float>(exactValues);
    }

    private static float[] ToSingle(this TensorData tensor)
    {
        if (tensor.Element == ElementType.Float32)
        {
            return tensor.Elements<float>().ToArray();
        }
        float[] values = new float[tensor.Bytes.Length / sizeof(ushort)];
        if (tensor.Element == ElementType.Float16)
        {
            TensorPrimitives.ConvertToSingle(tensor.Elements<Half>(), values);
        }
        else
        {
            ReadOnlySpan<BFloat16> elements = tensor.Elements<BFloat16>();
            for (int index = 0; index < values.Length; index++)
            {
                values[index] = elements[index];
            }
        }
        return values;
    }
}
