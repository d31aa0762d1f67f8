using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace SkipSoftmax.Native;

/// <summary>The installed CUDA driver. Reached only through <see cref="TryOpen"/>, so that no call is made where it is absent.</summary>
internal sealed unsafe partial class CudaDriver : ICudaDriver
{
    private const string Library = "SkipSoftmax.CudaDriver";

    private static readonly Lazy<(nint Handle, string State)> loaded = new(Load);

    private CudaDriver()
    {
    }

    /// <summary>The driver, or null and what was found instead.</summary>
    public static (CudaDriver? Driver, string State) TryOpen() =>
        loaded.Value.Handle == 0 ? (null, loaded.Value.State) : (new CudaDriver(), loaded.Value.State);

    public CudaResult Init() => cuInit(0);

    public CudaResult DriverGetVersion(out int version) => cuDriverGetVersion(out version);

    public CudaResult DeviceGetCount(out int count) => cuDeviceGetCount(out count);

    public CudaResult DeviceGet(out int device, int ordinal) => cuDeviceGet(out device, ordinal);

    public CudaResult DeviceGetName(byte* name, int length, int device) => cuDeviceGetName(name, length, device);

    public CudaResult DeviceGetAttribute(out int value, CudaDeviceAttribute attribute, int device) => cuDeviceGetAttribute(out value, attribute, device);

    public CudaResult DeviceTotalMem(out nuint bytes, int device) => cuDeviceTotalMem_v2(out bytes, device);

    public CudaResult DevicePrimaryCtxRetain(out nint context, int device) => cuDevicePrimaryCtxRetain(out context, device);

    public CudaResult DevicePrimaryCtxRelease(int device) => cuDevicePrimaryCtxRelease_v2(device);

    public CudaResult CtxPushCurrent(nint context) => cuCtxPushCurrent_v2(context);

    public CudaResult CtxPopCurrent(out nint context) => cuCtxPopCurrent_v2(out context);

    public CudaResult CtxSynchronize() => cuCtxSynchronize();

    public CudaResult ModuleLoadData(out nint module, void* image) => cuModuleLoadData(out module, image);

    public CudaResult ModuleUnload(nint module) => cuModuleUnload(module);

    public CudaResult ModuleGetFunction(out nint function, nint module, byte* name) => cuModuleGetFunction(out function, module, name);

    public CudaResult FuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value) => cuFuncSetAttribute(function, attribute, value);

    public CudaResult LaunchKernel(nint function, uint grid, uint block, uint sharedMemoryBytes, nint stream, void** parameters, bool overlapping)
    {
        CudaLaunchAttribute serialization = new() { Id = CudaLaunchAttribute.ProgrammaticStreamSerialization, Value = 1 };
        CudaLaunchConfiguration configuration = new()
        {
            GridX = grid,
            GridY = 1,
            GridZ = 1,
            BlockX = block,
            BlockY = 1,
            BlockZ = 1,
            SharedMemoryBytes = sharedMemoryBytes,
            Stream = stream,
            Attributes = &serialization,
            AttributeCount = overlapping ? 1u : 0,
        };
        return cuLaunchKernelEx(&configuration, function, parameters, null);
    }

    public CudaResult TensorMapEncodeTiled(TensorMap* map, TensorMapDataType type, uint rank, nint address, ulong* extents, ulong* byteStrides,
        uint* box, uint* elementStrides, TensorMapSwizzle swizzle, TensorMapL2Promotion promotion)
    {
        const int noInterleave = 0, zeroFill = 0;
        return cuTensorMapEncodeTiled(map, type, rank, address, extents, byteStrides, box, elementStrides, noInterleave, swizzle, promotion, zeroFill);
    }

    public CudaResult MemAlloc(out nint address, nuint bytes) => cuMemAlloc_v2(out address, bytes);

    public CudaResult MemFree(nint address) => cuMemFree_v2(address);

    public CudaResult MemcpyHtoDAsync(nint destination, void* source, nuint bytes, nint stream) => cuMemcpyHtoDAsync_v2(destination, source, bytes, stream);

    public CudaResult MemcpyDtoHAsync(void* destination, nint source, nuint bytes, nint stream) => cuMemcpyDtoHAsync_v2(destination, source, bytes, stream);

    public CudaResult MemsetD8Async(nint address, byte value, nuint bytes, nint stream) => cuMemsetD8Async(address, value, bytes, stream);

    public CudaResult StreamIsCapturing(nint stream, out CudaCaptureStatus status) => cuStreamIsCapturing(stream, out status);

    public CudaResult StreamSynchronize(nint stream) => cuStreamSynchronize(stream);

    public string Explain(CudaResult result)
    {
        string name = cuGetErrorName(result, out byte* text) == CudaResult.Success ? Text(text) : $"CUDA error {(int)result}";
        return cuGetErrorString(result, out text) == CudaResult.Success ? $"{name} ({Text(text)})" : name;
    }

    private static string Text(byte* text) => Utf8StringMarshaller.ConvertToManaged(text) ?? "";

    private static (nint Handle, string State) Load()
    {
        string[] names = OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1", "libcuda.so"];
        foreach (string name in names)
        {
            if (!NativeLibrary.TryLoad(name, out nint handle))
            {
                continue;
            }
            if (!NativeLibrary.TryGetExport(handle, nameof(cuTensorMapEncodeTiled), out _))
            {
                NativeLibrary.Free(handle);
                return (0, $"The CUDA driver {name} is older than CUDA 12: it lacks {nameof(cuTensorMapEncodeTiled)}.");
            }
            NativeLibrary.SetDllImportResolver(typeof(CudaDriver).Assembly, (library, _, _) => library == Library ? handle : 0);
            return (handle, $"The CUDA driver {name} is loaded.");
        }
        return (0, $"No CUDA driver: {string.Join(" or ", names)} is not installed.");
    }

    [LibraryImport(Library)]
    private static partial CudaResult cuInit(uint flags);

    [LibraryImport(Library)]
    private static partial CudaResult cuDriverGetVersion(out int version);

    [LibraryImport(Library)]
    private static partial CudaResult cuDeviceGetCount(out int count);

    [LibraryImport(Library)]
    private static partial CudaResult cuDeviceGet(out int device, int ordinal);

    [LibraryImport(Library)]
    private static partial CudaResult cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(Library)]
    private static partial CudaResult cuDeviceGetAttribute(out int value, CudaDeviceAttribute attribute, int device);

    [LibraryImport(Library)]
    private static partial CudaResult cuDeviceTotalMem_v2(out nuint bytes, int device);

    [LibraryImport(Library)]
    private static partial CudaResult cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(Library)]
    private static partial CudaResult cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(Library)]
    private static partial CudaResult cuCtxPushCurrent_v2(nint context);

    [LibraryImport(Library)]
    private static partial CudaResult cuCtxPopCurrent_v2(out nint context);

    [LibraryImport(Library)]
    private static partial CudaResult cuCtxSynchronize();

    [LibraryImport(Library)]
    private static partial CudaResult cuModuleLoadData(out nint module, void* image);

    [LibraryImport(Library)]
    private static partial CudaResult cuModuleUnload(nint module);

    [LibraryImport(Library)]
    private static partial CudaResult cuModuleGetFunction(out nint function, nint module, byte* name);

    [LibraryImport(Library)]
    private static partial CudaResult cuFuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value);

    [LibraryImport(Library)]
    private static partial CudaResult cuLaunchKernelEx(CudaLaunchConfiguration* configuration, nint function, void** parameters, void** extra);

    [LibraryImport(Library)]
    private static partial CudaResult cuTensorMapEncodeTiled(TensorMap* map, TensorMapDataType type, uint rank, nint address, ulong* extents,
        ulong* byteStrides, uint* box, uint* elementStrides, int interleave, TensorMapSwizzle swizzle, TensorMapL2Promotion promotion, int fill);

    [LibraryImport(Library)]
    private static partial CudaResult cuMemAlloc_v2(out nint address, nuint bytes);

    [LibraryImport(Library)]
    private static partial CudaResult cuMemFree_v2(nint address);

    [LibraryImport(Library)]
    private static partial CudaResult cuMemcpyHtoDAsync_v2(nint destination, void* source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    private static partial CudaResult cuMemcpyDtoHAsync_v2(void* destination, nint source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    private static partial CudaResult cuMemsetD8Async(nint address, byte value, nuint bytes, nint stream);

    [LibraryImport(Library)]
    private static partial CudaResult cuStreamIsCapturing(nint stream, out CudaCaptureStatus status);

    [LibraryImport(Library)]
    private static partial CudaResult cuStreamSynchronize(nint stream);

    [LibraryImport(Library)]
    private static partial CudaResult cuGetErrorName(CudaResult result, out byte* text);

    [LibraryImport(Library)]
    private static partial CudaResult cuGetErrorString(CudaResult result, out byte* text);
}
