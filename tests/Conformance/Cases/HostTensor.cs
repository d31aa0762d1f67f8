using System.Runtime.InteropServices;

namespace SkipSoftmax.Conformance;

/// <summary>A strided tensor in host memory. Every byte starts as 0xFF, a NaN in each element type, so that whatever is read from a
/// gap shows up in the answer, and whatever is written to one can be found.</summary>
public sealed class HostTensor
{
    private const byte Poison = 0xFF;

    private readonly byte[] bytes;

    /// <summary>Makes a poisoned tensor; <paramref name="offset"/> elements lie before element [0, 0, 0, 0].</summary>
    public HostTensor(ElementType element, TensorShape shape, TensorStrides strides, int offset = 0)
    {
        Element = element;
        Shape = shape;
        Strides = strides;
        Offset = offset;
        bytes = new byte[(TensorLayout.Extent(shape, strides) + offset) * TensorLayout.SizeOf(element)];
        bytes.AsSpan().Fill(Poison);
    }

    /// <summary>Makes a packed, poisoned tensor.</summary>
    public HostTensor(ElementType element, TensorShape shape)
        : this(element, shape, shape.Packed)
    {
    }

    private HostTensor(HostTensor original, TensorShape shape, TensorStrides strides)
    {
        (Element, Shape, Strides, Offset, bytes) = (original.Element, shape, strides, original.Offset, original.bytes);
    }

    public ElementType Element { get; }

    public TensorShape Shape { get; }

    public TensorStrides Strides { get; }

    public int Offset { get; }

    /// <summary>The storage from its first byte, gaps included.</summary>
    public ReadOnlySpan<byte> Bytes => bytes;

    public TensorView View => Element switch
    {
        ElementType.Float32 => TensorView.Host<float>(Elements<float>(), Shape, Strides),
        ElementType.Float16 => TensorView.Host<Half>(Elements<Half>(), Shape, Strides),
        _ => TensorView.Host<BFloat16>(Elements<BFloat16>(), Shape, Strides),
    };

    public OutputView OutputView => Element switch
    {
        ElementType.Float32 => OutputView.Host(Elements<float>(), Shape, Strides),
        ElementType.Float16 => OutputView.Host(Elements<Half>(), Shape, Strides),
        _ => OutputView.Host(Elements<BFloat16>(), Shape, Strides),
    };

    /// <summary>One element; set rounds to the element type.</summary>
    public float this[int batch, int token, int head, int dim]
    {
        get
        {
            int index = IndexOf(batch, token, head, dim);
            return Element switch
            {
                ElementType.Float32 => Elements<float>()[index],
                ElementType.Float16 => (float)Elements<Half>()[index],
                _ => Elements<BFloat16>()[index],
            };
        }
        set
        {
            int index = IndexOf(batch, token, head, dim);
            switch (Element)
            {
                case ElementType.Float32:
                    Elements<float>()[index] = value;
                    break;
                case ElementType.Float16:
                    Elements<Half>()[index] = (Half)value;
                    break;
                default:
                    Elements<BFloat16>()[index] = (BFloat16)value;
                    break;
            }
        }
    }

    /// <summary>A tensor of one sequence as a batch whose sequences are all that one, in the same memory.</summary>
    public HostTensor Repeat(int batch) => new(this, Shape with { Batch = batch }, Strides with { Batch = 0 });

    /// <summary>Copies the bits of one head's vector into another tensor of this element type.</summary>
    public void CopyVector(int batch, int token, int head, HostTensor destination, int toBatch, int toToken, int toHead)
    {
        int size = TensorLayout.SizeOf(Element);
        bytes.AsSpan((Offset + IndexOf(batch, token, head, 0)) * size, Shape.HeadDim * size)
            .CopyTo(destination.bytes.AsSpan((destination.Offset + destination.IndexOf(toBatch, toToken, toHead, 0)) * size));
    }

    /// <summary>Tokens 0 … <paramref name="length"/> − 1 of one head as packed doubles <c>[length, head_dim]</c>.</summary>
    public double[] ReadHead(int batch, int head, int length)
    {
        double[] values = new double[(long)length * Shape.HeadDim];
        for (int token = 0; token < length; token++)
        {
            for (int dim = 0; dim < Shape.HeadDim; dim++)
            {
                values[(token * Shape.HeadDim) + dim] = this[batch, token, head, dim];
            }
        }
        return values;
    }

    /// <summary>Whether the storage outside the given elements still holds what it was made with.</summary>
    public bool IsUntouchedExcept(Func<int, int, bool> written)
    {
        byte[] probe = (byte[])bytes.Clone();
        int size = TensorLayout.SizeOf(Element);
        for (int batch = 0; batch < Shape.Batch; batch++)
        {
            for (int token = 0; token < Shape.Length; token++)
            {
                if (written(batch, token))
                {
                    for (int head = 0; head < Shape.Heads; head++)
                    {
                        probe.AsSpan((Offset + IndexOf(batch, token, head, 0)) * size, Shape.HeadDim * size).Fill(Poison);
                    }
                }
            }
        }
        return !probe.AsSpan().ContainsAnyExcept(Poison);
    }

    private int IndexOf(int batch, int token, int head, int dim) =>
        checked((int)((batch * Strides.Batch) + (token * Strides.Length) + (head * Strides.Head) + dim));

    private Span<T> Elements<T>() where T : unmanaged => MemoryMarshal.Cast<byte, T>(bytes.AsSpan())[Offset..];
}
