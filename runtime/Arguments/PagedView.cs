namespace SkipSoftmax;

/// <summary>Extents of a pool of key or value pages, in elements: <c>[pages, page size, key/value heads, head_dim]</c>, whatever the order in memory.</summary>
/// <param name="Pages">Pages in the pool: block-table entries are 0 … Pages − 1.</param>
/// <param name="PageSize">Tokens in a page.</param>
/// <param name="Heads">Key/value heads.</param>
/// <param name="HeadDim">Elements in a head's vector.</param>
public readonly record struct PageShape(int Pages, int PageSize, int Heads, int HeadDim)
{
    /// <summary>Strides of a packed pool with heads within tokens, <c>[pages, page size, heads, head_dim]</c>: FlashInfer's and vLLM's NHD.</summary>
    public PageStrides Nhd => new((long)PageSize * Heads * HeadDim, (long)Heads * HeadDim, HeadDim);

    /// <summary>Strides of a packed pool with tokens within heads, <c>[pages, heads, page size, head_dim]</c>: HND, as TensorRT-LLM keeps its cache.</summary>
    public PageStrides Hnd => new((long)Heads * PageSize * HeadDim, HeadDim, (long)PageSize * HeadDim);

    /// <summary><c>[pages, page size, heads, head_dim]</c>.</summary>
    public override string ToString() => $"[{Pages}, {PageSize}, {Heads}, {HeadDim}]";
}

/// <summary>Distances, in elements, from one index of a dimension to the next; a head's vector is contiguous. A pool that holds K and V of a page
/// side by side (<c>[pages, 2, …]</c>) is two views with twice the packed page stride, the second from the first value on.</summary>
/// <param name="Page">From one page to the next.</param>
/// <param name="Token">From one token of a page to the next.</param>
/// <param name="Head">From one head to the next.</param>
public readonly record struct PageStrides(long Page, long Token, long Head)
{
    /// <summary><c>[page, token, head]</c>.</summary>
    public override string ToString() => $"[{Page}, {Token}, {Head}]";
}

/// <summary>
/// A read-only pool of key or value pages in host memory, or in device memory the caller holds. Which pages a sequence has, and in which order,
/// the <see cref="BlockTable"/> says. Nothing is copied by making a view.
/// </summary>
public readonly ref struct PagedView
{
    private PagedView(TensorView pool) => Pool = pool;

    /// <summary>Extents in elements.</summary>
    public PageShape Shape => new(Pool.Shape.Batch, Pool.Shape.Length, Pool.Shape.Heads, Pool.Shape.HeadDim);

    /// <summary>Strides in elements.</summary>
    public PageStrides Strides => new(Pool.Strides.Batch, Pool.Strides.Length, Pool.Strides.Head);

    /// <summary>The pool as a tensor whose batch dimension are the pages, and whose length is the page size.</summary>
    internal TensorView Pool { get; }

    /// <summary>A packed pool in host memory with heads within tokens (NHD): <see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</summary>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> is no supported type, or <paramref name="data"/> is shorter than the shape.</exception>
    public static PagedView Host<T>(ReadOnlySpan<T> data, PageShape shape) where T : unmanaged => Host(data, shape, shape.Nhd);

    /// <summary>A strided pool in host memory; <paramref name="data"/>[0] is element [0, 0, 0, 0].</summary>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> is no supported type, or the strides reach past <paramref name="data"/>.</exception>
    public static PagedView Host<T>(ReadOnlySpan<T> data, PageShape shape, PageStrides strides) where T : unmanaged
    {
        RequireExtents(shape);
        return new(TensorView.Host(data, AsTensor(shape), AsTensor(strides)));
    }

    /// <summary>A packed pool in device memory with heads within tokens (NHD).</summary>
    /// <exception cref="ArgumentException">The pointer is null, or the shape is not positive.</exception>
    public static PagedView Device(nint pointer, ElementType element, PageShape shape) => Device(pointer, element, shape, shape.Nhd);

    /// <summary>A strided pool in device memory; <paramref name="pointer"/> is the address of element [0, 0, 0, 0].</summary>
    /// <exception cref="ArgumentException">The pointer is null, or shape or strides are not positive.</exception>
    public static PagedView Device(nint pointer, ElementType element, PageShape shape, PageStrides strides)
    {
        RequireExtents(shape);
        return new(TensorView.Device(pointer, element, AsTensor(shape), AsTensor(strides)));
    }

    private static void RequireExtents(PageShape shape)
    {
        if (shape.Pages <= 0 || shape.PageSize <= 0 || shape.Heads <= 0 || shape.HeadDim <= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(shape), shape.ToString(), "Every extent of [pages, page size, heads, head_dim] must be at least 1.");
        }
    }

    private static TensorShape AsTensor(PageShape shape) => new(shape.Pages, shape.PageSize, shape.Heads, shape.HeadDim);

    private static TensorStrides AsTensor(PageStrides strides) => new(strides.Page, strides.Token, strides.Head);
}
