using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>A pinned tensor <c>[batch, length, heads, head_dim]</c> whose head vectors are read and written as float32.</summary>
internal readonly unsafe struct PinnedTensor(byte* first, ElementType element, TensorStrides strides, int headDim)
{
    /// <summary>Converts one head vector to float32.</summary>
    public void Read(int sequence, int token, int head, float* destination) => Widen(At(sequence, token, head), headDim, destination);

    /// <summary>Address of one head vector; in a pool the sequence is the page, the token one of the page.</summary>
    public byte* At(int sequence, int token, int head) =>
        first + (((sequence * strides.Batch) + (token * strides.Length) + (head * strides.Head)) * TensorLayout.SizeOf(element));

    /// <summary>Bytes of a head vector.</summary>
    public int RowBytes => headDim * TensorLayout.SizeOf(element);

    /// <summary>Whether the heads of a token lie nearer to each other than the tokens of a head.</summary>
    public bool HeadsWithinTokens => strides.Head < strides.Length;

    /// <summary>Bytes from one token to the next.</summary>
    public long TokenBytes => strides.Length * TensorLayout.SizeOf(element);

    /// <summary>Bytes from one head of a token to the next.</summary>
    public long HeadBytes => strides.Head * TensorLayout.SizeOf(element);

    /// <summary>Has a head's vectors of neighbouring tokens fetched, before they are read or written one by one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Fetch(int sequence, int firstToken, int tokens, int head)
    {
        int bytes = RowBytes;
        byte* row = At(sequence, firstToken, head);
        for (int token = 0; token < tokens; token++, row += TokenBytes)
        {
            for (int at = 0; at < bytes; at += 2 * CacheLine.Bytes)
            {
                CacheLine.Fetch(row + at, Math.Min(bytes, 2 * CacheLine.Bytes));
            }
        }
    }

    /// <summary>Converts a head vector at an address to float32.</summary>
    public void Widen(byte* source, float* destination) => Widen(source, headDim, destination);

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
                RoundToBFloat16(source, headDim, (ushort*)destination);
                break;
        }
    }

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

    /// <summary>As the conversion of one number rounds, for a count that is a multiple of 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RoundToBFloat16(float* source, int count, ushort* destination)
    {
        for (int i = 0; i < count; i += Vector<ushort>.Count)
        {
            Vector<uint> low = RoundToBFloat16(*(Vector<uint>*)(source + i));
            Vector<uint> high = RoundToBFloat16(*(Vector<uint>*)(source + i + Vector<uint>.Count));
            *(Vector<ushort>*)(destination + i) = Vector.Narrow(low, high);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> RoundToBFloat16(Vector<uint> single)
    {
        Vector<uint> upper = single >> 16;
        Vector<uint> isNaN = Vector.GreaterThan(single & new Vector<uint>(0x7FFF_FFFF), new Vector<uint>(0x7F80_0000));
        return Vector.ConditionalSelect(isNaN, upper | new Vector<uint>(0x40), (single + new Vector<uint>(0x7FFF) + (upper & Vector<uint>.One)) >> 16);
    }
}
