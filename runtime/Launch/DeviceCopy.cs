using System.Runtime.InteropServices;
using SkipSoftmax.Arguments;
using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>Device memory that holds a host argument's copy for the time of one call, tensors packed. The device must be entered.</summary>
internal readonly unsafe ref struct DeviceCopy : IDisposable
{
    private readonly ICudaDriver driver;
    private readonly nint stream;

    private DeviceCopy(ICudaDriver driver, nuint bytes, nint stream)
    {
        this.driver = driver;
        this.stream = stream;
        if (bytes > 0)
        {
            driver.Require(driver.MemAlloc(out nint pointer, bytes), "cuMemAlloc");
            Pointer = pointer;
        }
    }

    /// <summary>0 where there was nothing to copy.</summary>
    public nint Pointer { get; }

    public static DeviceCopy Of(ICudaDriver driver, ReadOnlySpan<byte> tensor, TensorShape shape, TensorStrides strides, ElementType element, nint stream)
    {
        int size = TensorLayout.SizeOf(element);
        var copy = new DeviceCopy(driver, PackedBytes(shape, size), stream);
        try
        {
            copy.Upload(tensor, shape, strides, size);
            return copy;
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    public static DeviceCopy Of<T>(ICudaDriver driver, ReadOnlySpan<T> values, nint stream) where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        var copy = new DeviceCopy(driver, (nuint)bytes.Length, stream);
        try
        {
            copy.UploadPacked(bytes);
            return copy;
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <summary>Waits for the stream and writes the packed tensor back into its strided place.</summary>
    public void Download(Span<byte> tensor, TensorShape shape, TensorStrides strides, ElementType element)
    {
        int size = TensorLayout.SizeOf(element);
        if (IsPacked(shape, strides))
        {
            DownloadPacked(tensor[..(int)PackedBytes(shape, size)]);
            return;
        }
        byte* staging = (byte*)NativeMemory.Alloc(PackedBytes(shape, size));
        try
        {
            driver.Require(driver.MemcpyDtoHAsync(staging, Pointer, PackedBytes(shape, size), stream), "cuMemcpyDtoHAsync");
            driver.Require(driver.StreamSynchronize(stream), "cuStreamSynchronize");
            int row = shape.HeadDim * size;
            byte* source = staging;
            foreach (long offset in new RowOffsets(shape, strides))
            {
                new ReadOnlySpan<byte>(source, row).CopyTo(tensor[(int)(offset * size)..]);
                source += row;
            }
        }
        finally
        {
            NativeMemory.Free(staging);
        }
    }

    /// <summary>Waits for the stream and writes the values back.</summary>
    public void Download<T>(Span<T> values) where T : unmanaged => DownloadPacked(MemoryMarshal.AsBytes(values));

    /// <summary>Never throws, so as not to hide the error that led here: a broken context shows itself at the next call.</summary>
    public void Dispose()
    {
        if (Pointer != 0)
        {
            _ = driver.MemFree(Pointer);
        }
    }

    private void Upload(ReadOnlySpan<byte> tensor, TensorShape shape, TensorStrides strides, int size)
    {
        if (IsPacked(shape, strides))
        {
            UploadPacked(tensor[..(int)PackedBytes(shape, size)]);
            return;
        }
        byte* staging = (byte*)NativeMemory.Alloc(PackedBytes(shape, size));
        try
        {
            int row = shape.HeadDim * size;
            byte* target = staging;
            foreach (long offset in new RowOffsets(shape, strides))
            {
                tensor.Slice((int)(offset * size), row).CopyTo(new(target, row));
                target += row;
            }
            UploadAndWait(staging, PackedBytes(shape, size));
        }
        finally
        {
            NativeMemory.Free(staging);
        }
    }

    private void UploadPacked(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* source = bytes)
        {
            UploadAndWait(source, (nuint)bytes.Length);
        }
    }

    /// <summary>Waits, because the source is pinned or allocated only until the return.</summary>
    private void UploadAndWait(byte* source, nuint bytes)
    {
        if (bytes > 0)
        {
            driver.Require(driver.MemcpyHtoDAsync(Pointer, source, bytes, stream), "cuMemcpyHtoDAsync");
            driver.Require(driver.StreamSynchronize(stream), "cuStreamSynchronize");
        }
    }

    private void DownloadPacked(Span<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }
        fixed (byte* target = bytes)
        {
            driver.Require(driver.MemcpyDtoHAsync(target, Pointer, (nuint)bytes.Length, stream), "cuMemcpyDtoHAsync");
            driver.Require(driver.StreamSynchronize(stream), "cuStreamSynchronize");
        }
    }

    private static nuint PackedBytes(TensorShape shape, int size) => checked((nuint)shape.Batch * (nuint)shape.Length * (nuint)shape.Heads * (nuint)shape.HeadDim * (nuint)size);

    private static bool IsPacked(TensorShape shape, TensorStrides strides) => strides == shape.Packed;

    /// <summary>Element offsets of the rows of head_dim elements, in the packed order.</summary>
    private ref struct RowOffsets(TensorShape shape, TensorStrides strides)
    {
        private readonly TensorShape shape = shape;
        private readonly TensorStrides strides = strides;
        private int batch, length, head = -1;

        public readonly RowOffsets GetEnumerator() => this;

        public readonly long Current => (batch * strides.Batch) + (length * strides.Length) + (head * strides.Head);

        public bool MoveNext()
        {
            if (++head < shape.Heads)
            {
                return true;
            }
            head = 0;
            if (++length < shape.Length)
            {
                return true;
            }
            length = 0;
            return ++batch < shape.Batch;
        }
    }
}
