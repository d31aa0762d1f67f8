using SkipSoftmax.Arguments;

namespace SkipSoftmax.Launch;

/// <summary>What TMA and 16-byte stores demand of device memory, beyond what every backend does (CUDA driver API, <c>cuTensorMapEncodeTiled</c>).</summary>
internal static class DeviceLayout
{
    public const int Alignment = 16;

    private const long StrideLimit = 1L << 40;

    /// <exception cref="ArgumentException">Names the argument, its value and the fix.</exception>
    public static void Require(in AttentionProblem problem)
    {
        RequireTensor("inputs.Query", problem.Query.DevicePointer, problem.Query.Element, problem.Query.Shape, problem.Query.Strides);
        RequireTensor("inputs.Key", problem.Key.DevicePointer, problem.Key.Element, problem.Key.Shape, problem.Key.Strides);
        RequireTensor("inputs.Value", problem.Value.DevicePointer, problem.Value.Element, problem.Value.Shape, problem.Value.Strides);
        RequireTensor("output.Output", problem.Output.DevicePointer, problem.Output.Element, problem.Output.Shape, problem.Output.Strides);
        RequireAligned("output.Lse", problem.Lse.DevicePointer, sizeof(float));
        RequireAligned("output.Counters", problem.Counters.DevicePointer, Alignment);
        RequireAligned("inputs.QueryLengths", problem.QueryLengths.DevicePointer, sizeof(int));
        RequireAligned("inputs.KeyLengths", problem.KeyLengths.DevicePointer, sizeof(int));
        RequireAligned("inputs.BlockTable", problem.BlockTable.Pages.DevicePointer, sizeof(int));
        RequireAligned("output.Status", problem.Status.DevicePointer, sizeof(uint));
        RequireAligned("threshold.PerSequenceValues", problem.Threshold.PerSequenceValues.DevicePointer, sizeof(float));
    }

    private static void RequireTensor(string name, nint pointer, ElementType element, TensorShape shape, TensorStrides strides)
    {
        RequireAligned(name, pointer, Alignment);
        int size = TensorLayout.SizeOf(element);
        RequireStride(name, "batch", shape.Batch, strides.Batch, size);
        RequireStride(name, "length", shape.Length, strides.Length, size);
        RequireStride(name, "head", shape.Heads, strides.Head, size);
    }

    private static void RequireAligned(string name, nint pointer, int alignment)
    {
        if (pointer % alignment != 0)
        {
            throw new ArgumentException($"{name} lies at device address 0x{pointer:x}, which is not a multiple of {alignment} bytes: pass memory aligned to that.", name);
        }
    }

    private static void RequireStride(string name, string dimension, int extent, long stride, int elementBytes)
    {
        if (extent == 1)
        {
            return;
        }
        if (stride > StrideLimit / elementBytes - 1)
        {
            throw new ArgumentException(
                $"{name} has a {dimension} stride of {stride} elements of {elementBytes} bytes, but the GPU takes strides below 2^40 bytes: copy the tensor into a packed one.", name);
        }
        if (stride * elementBytes % Alignment != 0)
        {
            throw new ArgumentException(
                $"{name} has a {dimension} stride of {stride} elements of {elementBytes} bytes, but the GPU takes multiples of {Alignment} bytes: pad that dimension or copy the tensor into a packed one.",
                name);
        }
    }
}
