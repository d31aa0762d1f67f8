using System.Runtime.InteropServices;
using SkipSoftmax.Conformance;
using SkipSoftmax.Launch;
using SkipSoftmax.Native;

namespace SkipSoftmax.Simulation;

/// <summary>
/// A driver of one simulated device for one run, so that the runtime's own launcher fills the arguments and encodes the tensor maps. Its
/// device memory is memory of this process, and the kernel may touch nothing else. A launch returns when the kernel has run.
/// </summary>
internal sealed unsafe class SimulatorDriver(KernelLibrary library, Schedule schedule, int multiprocessors) : ICudaDriver, IDeviceMemory, IDisposable
{
    /// <summary>cuMemAlloc gives at least this.</summary>
    private const nuint AllocationAlignment = 256;

    private const uint WarpgroupThreads = 128;

    private readonly List<SimulatorRange> allocations = [];

    public GpuDeviceInfo Info { get; } = new(0, "Simulator", 9, 0, multiprocessors, long.MaxValue);

    /// <summary>Of the last launch.</summary>
    public SimulatorCounters Counters { get; private set; }

    /// <summary>Products of each CTA of the last launch, in FLOP.</summary>
    public ulong[] CtaFlops { get; private set; } = [];

    /// <summary>Allocates memory that errors call by a name.</summary>
    public nint Allocate(string name, nuint bytes, bool writable)
    {
        void* memory = NativeMemory.AlignedAlloc(bytes, AllocationAlignment);
        allocations.Add(new() { Base = (ulong)memory, Bytes = bytes, Name = Marshal.StringToCoTaskMemUTF8(name), Writable = writable ? 1u : 0 });
        return (nint)memory;
    }

    public nint Copy(string name, ReadOnlySpan<byte> bytes, bool writable)
    {
        nint address = Allocate(name, (nuint)bytes.Length, writable);
        bytes.CopyTo(new((void*)address, bytes.Length));
        return address;
    }

    public void CopyBack(nint address, Span<byte> bytes) => new ReadOnlySpan<byte>((void*)address, bytes.Length).CopyTo(bytes);

    public CudaResult LaunchKernel(nint function, uint grid, uint block, uint sharedMemoryBytes, nint stream, void** parameters, bool overlapping)
    {
        CtaFlops = new ulong[grid];
        bool decode = library.Phase == AttentionPhase.Decode;
        fixed (SimulatorRange* ranges = CollectionsMarshal.AsSpan(allocations))
        fixed (ulong* ctaFlops = CtaFlops)
        {
            SimulatorLaunch launch = new()
            {
                AbiVersion = SimulatorLaunch.CurrentAbi,
                Grid = grid,
                Threads = block,
                SharedBytes = sharedMemoryBytes,
                Registers = (uint)library.Kernel.EntryRegisters,
                Order = schedule.Order,
                Completion = schedule.Completion,
                StarvedWarpgroup = schedule.StarvedWarpgroup % (((block - 1) / WarpgroupThreads) + 1),
                ResidentCtas = schedule.ResidentCtas,
                RangeCount = (uint)allocations.Count,
                Overlapping = overlapping || decode ? 1u : 0, // decode's kernels bear it, whether or not the launch has something zeroed before
                Seed = schedule.Seed,
                StepLimit = schedule.StepLimit,
                Map0 = *(SimulatorTensorMap*)parameters[0],
                Map1 = *(SimulatorTensorMap*)parameters[1],
                Map2 = decode ? default : *(SimulatorTensorMap*)parameters[2],
                Arguments = parameters[decode ? 2 : 3],
                ArgumentBytes = (ulong)(decode ? sizeof(DecodeArguments) : sizeof(PrefillArguments)),
                Ranges = ranges,
                CtaFlops = ctaFlops,
            };
            Counters = library.Run(&launch);
        }
        return CudaResult.Success;
    }

    public CudaResult TensorMapEncodeTiled(TensorMap* map, TensorMapDataType type, uint rank, nint address, ulong* extents, ulong* byteStrides,
        uint* box, uint* elementStrides, TensorMapSwizzle swizzle, TensorMapL2Promotion promotion)
    {
        SimulatorRange tensor = allocations.Single(allocation => (ulong)address - allocation.Base < allocation.Bytes);
        SimulatorTensorMap* encoded = (SimulatorTensorMap*)map;
        *encoded = new()
        {
            Base = (ulong)address,
            AllowedBytes = tensor.Base + tensor.Bytes - (ulong)address,
            ElementBytes = sizeof(ushort),
            Swizzle = (uint)swizzle,
        };
        encoded->ByteStrides[0] = sizeof(ushort);
        for (int dimension = 0; dimension < rank; dimension++)
        {
            encoded->Extents[dimension] = extents[dimension];
            encoded->Box[dimension] = box[dimension];
            if (dimension > 0)
            {
                encoded->ByteStrides[dimension] = byteStrides[dimension - 1];
            }
        }
        return CudaResult.Success;
    }

    public CudaResult MemAlloc(out nint address, nuint bytes)
    {
        address = Allocate("device memory", bytes, writable: true);
        return CudaResult.Success;
    }

    public CudaResult MemFree(nint address)
    {
        int index = allocations.FindIndex(allocation => allocation.Base == (ulong)address);
        Free(allocations[index]);
        allocations.RemoveAt(index);
        return CudaResult.Success;
    }

    public CudaResult MemcpyHtoDAsync(nint destination, void* source, nuint bytes, nint stream)
    {
        NativeMemory.Copy(source, (void*)destination, bytes);
        return CudaResult.Success;
    }

    public CudaResult MemcpyDtoHAsync(void* destination, nint source, nuint bytes, nint stream)
    {
        NativeMemory.Copy((void*)source, destination, bytes);
        return CudaResult.Success;
    }

    public CudaResult MemsetD8Async(nint address, byte value, nuint bytes, nint stream)
    {
        NativeMemory.Fill((void*)address, bytes, value);
        return CudaResult.Success;
    }

    public CudaResult StreamIsCapturing(nint stream, out CudaCaptureStatus status)
    {
        status = CudaCaptureStatus.None;
        return CudaResult.Success;
    }

    public CudaResult DriverGetVersion(out int version) => Answer(out version, 13_000);

    public CudaResult DeviceGetCount(out int count) => Answer(out count, 1);

    public CudaResult DeviceGet(out int device, int ordinal) => Answer(out device, ordinal);

    public CudaResult DeviceGetName(byte* name, int length, int device)
    {
        "Simulator\0"u8.CopyTo(new(name, length));
        return CudaResult.Success;
    }

    public CudaResult DeviceGetAttribute(out int value, CudaDeviceAttribute attribute, int device) => Answer(out value, attribute switch
    {
        CudaDeviceAttribute.ComputeCapabilityMajor => Info.Major,
        CudaDeviceAttribute.ComputeCapabilityMinor => Info.Minor,
        _ => Info.Multiprocessors,
    });

    public CudaResult DeviceTotalMem(out nuint bytes, int device)
    {
        bytes = (nuint)Info.MemoryBytes;
        return CudaResult.Success;
    }

    public CudaResult ModuleGetFunction(out nint function, nint module, byte* name)
    {
        function = module;
        return CudaResult.Success;
    }

    /// <summary>The kernel is the library's, whatever the image.</summary>
    public CudaResult ModuleLoadData(out nint module, void* image) => Answer(out module);

    public CudaResult DevicePrimaryCtxRetain(out nint context, int device) => Answer(out context);

    public CudaResult CtxPopCurrent(out nint context) => Answer(out context);

    public CudaResult Init() => CudaResult.Success;

    public CudaResult DevicePrimaryCtxRelease(int device) => CudaResult.Success;

    public CudaResult CtxPushCurrent(nint context) => CudaResult.Success;

    public CudaResult CtxSynchronize() => CudaResult.Success;

    public CudaResult ModuleUnload(nint module) => CudaResult.Success;

    public CudaResult FuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value) => CudaResult.Success;

    public CudaResult StreamSynchronize(nint stream) => CudaResult.Success;

    public string Explain(CudaResult result) => $"simulated result {(int)result}";

    public void Dispose()
    {
        allocations.ForEach(Free);
        allocations.Clear();
    }

    private static CudaResult Answer(out int value, int answer)
    {
        value = answer;
        return CudaResult.Success;
    }

    private static CudaResult Answer(out nint handle)
    {
        handle = 1;
        return CudaResult.Success;
    }

    private static void Free(SimulatorRange allocation)
    {
        NativeMemory.AlignedFree((void*)allocation.Base);
        Marshal.FreeCoTaskMem(allocation.Name);
    }
}
