using System.Numerics;
using System.Numerics.Tensors;

namespace SkipSoftmax.Cpu;

/// <summary>A pinned tensor <c>[batch, length, heads, head_dim]</c> whose head vectors are read and written as float32.</summary>
internal readonly unsafe struct PinnedTensor(byte* first, ElementType element, TensorStrides strides, int headDim)
{
    /// <summary>Converts one head vector to float32.</summary>
    public void Read(int sequence, int token, int head, float* destination) => Widen(At(sequence, token, head), headDim, destination);

    /// <summary>
    /// Some columns of consecutive head vectors as float32: in place where they are that, else converted into <paramref name="scratch"/>.
    /// </summary>
    /// <param name="sequence">Sequence.</param>
    /// <param name="token">The first token.</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="head">Head.</param>
    /// <param name="column">First column: a multiple of 32.</param>
    /// <param name="columns">Columns: a multiple of 32.</param>
    /// <param name="scratch">Room for <c>[tokens, columns]</c>.</param>
    /// <param name="stride">Floats from one row of the result to the next.</param>
    public float* ReadRows(int sequence, int token, int tokens, int head, int column, int columns, float* scratch, out nint stride)
    {
        if (element == ElementType.Float32)
        {
            stride = (nint)strides.Length;
            return (float*)At(sequence, token, head) + column;
        }
        stride = columns;
        for (int i = 0; i < tokens; i++)
        {
            Widen(At(sequence, token + i, head) + (column * sizeof(ushort)), columns, scratch + ((long)i * columns));
        }
        return scratch;
    }

    /// <summary>Rounds one head vector to the element type.</summary>
    public void Write(int sequence, int token, int head, float* source)
    {
        byte* destination = At(sequence, token, head);
        var floats = new ReadOnlySpan<float>(source, headDim);
        switch (element)
        {
            case ElementType.Float32:
                floats.CopyTo(new Span<float>(destination, headDim));
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToHalf(floats, new Span<Half>(destination, headDim));
                break;
            default:
                RoundToBFloat16(floats, new Span<BFloat16>(destination, headDim));
                break;
        }
    }

    private byte* At(int sequence, int token, int head) =>
        first + (((sequence * strides.Batch) + (token * strides.Length) + (head * strides.Head)) * TensorLayout.SizeOf(element));

    private void Widen(byte* source, int count, float* destination)
    {
        var floats = new Span<float>(destination, count);
        switch (element)
        {
            case ElementType.Float32:
                new ReadOnlySpan<float>(source, count).CopyTo(floats);
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, count), floats);
                break;
            default:
                WidenBFloat16((ushort*)source, count, destination);
                break;
        }
    }

    /// <summary>The count is a multiple of 32, hence of every vector's length.</summary>
    private static void WidenBFloat16(ushort* source, int count, float* destination)
    {
        for (int i = 0; i < count; i += Vector<ushort>.Count)
        {
            Vector.Widen(*(Vector<ushort>*)(source + i), out Vector<uint> low, out Vector<uint> high);
            *(Vector<uint>*)(destination + i) = low << 16;
            *(Vector<uint>*)(destination + i + Vector<uint>.Count) = high << 16;
        }
    }

    private static void RoundToBFloat16(ReadOnlySpan<float> source, Span<BFloat16> destination)
    {
        for (int i = 0; i < source.Length; i++)
        {
            destination[i] = (BFloat16)source[i];
        }
    }
}
