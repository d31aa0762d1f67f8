namespace SkipSoftmax.Native;

/// <summary>
/// The driver calls the runtime makes, one method each, named after them without the prefix <c>cu</c>. An interface so that tests can
/// put a recording driver in its place.
/// </summary>
internal unsafe interface ICudaDriver
{
    CudaResult Init();

    CudaResult DriverGetVersion(out int version);

    CudaResult DeviceGetCount(out int count);

    CudaResult DeviceGet(out int device, int ordinal);

    CudaResult DeviceGetName(byte* name, int length, int device);

    CudaResult DeviceGetAttribute(out int value, CudaDeviceAttribute attribute, int device);

    CudaResult DeviceTotalMem(out nuint bytes, int device);

    CudaResult DevicePrimaryCtxRetain(out nint context, int device);

    CudaResult DevicePrimaryCtxRelease(int device);

    CudaResult CtxPushCurrent(nint context);

    CudaResult CtxPopCurrent(out nint context);

    CudaResult CtxSynchronize();

    CudaResult ModuleLoadData(out nint module, void* image);

    CudaResult ModuleUnload(nint module);

    CudaResult ModuleGetFunction(out nint function, nint module, byte* name);

    CudaResult FuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value);

    /// <summary><c>cuLaunchKernelEx</c>.</summary>
    /// <param name="function">The kernel.</param>
    /// <param name="grid">CTAs.</param>
    /// <param name="block">Threads of a CTA.</param>
    /// <param name="sharedMemoryBytes">Dynamic shared memory of a CTA.</param>
    /// <param name="stream">Where to.</param>
    /// <param name="parameters">The kernel's.</param>
    /// <param name="overlapping">Whether CTAs may begin before the kernel before in the stream has ended (programmatic stream serialization): the kernel waits for it by itself.</param>
    CudaResult LaunchKernel(nint function, uint grid, uint block, uint sharedMemoryBytes, nint stream, void** parameters, bool overlapping);

    CudaResult TensorMapEncodeTiled(TensorMap* map, TensorMapDataType type, uint rank, nint address, ulong* extents, ulong* byteStrides,
        uint* box, uint* elementStrides, TensorMapSwizzle swizzle, TensorMapL2Promotion promotion);

    CudaResult MemAlloc(out nint address, nuint bytes);

    CudaResult MemFree(nint address);

    CudaResult MemcpyHtoDAsync(nint destination, void* source, nuint bytes, nint stream);

    CudaResult MemcpyDtoHAsync(void* destination, nint source, nuint bytes, nint stream);

    CudaResult MemsetD8Async(nint address, byte value, nuint bytes, nint stream);

    CudaResult StreamIsCapturing(nint stream, out CudaCaptureStatus status);

    CudaResult StreamSynchronize(nint stream);

    /// <summary>The driver's name of a result and its explanation.</summary>
    string Explain(CudaResult result);
}
