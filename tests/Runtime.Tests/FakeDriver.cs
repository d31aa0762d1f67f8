using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using SkipSoftmax.Launch;
using SkipSoftmax.Native;

namespace SkipSoftmax.Tests;

/// <summary>
/// A driver whose devices have what a test gives them, and whose device memory is memory of this process. It records what it is asked;
/// a launch runs <see cref="OnLaunch"/> in place of the kernel. Like a driver's, its contexts are current for a thread, and so are the records of what was
/// launched and set; any number of threads may use it at a time.
/// </summary>
internal sealed unsafe class FakeDriver(int major, int minor, int multiprocessors = 132, int devices = 1) : ICudaDriver
{
    private const nint PrefillFunction = 2, DecodeFunction = 3;

    private readonly ConcurrentDictionary<int, ThreadState> threads = [];
    private readonly ConcurrentDictionary<ulong, EncodedMap> encodedMaps = [];
    private int launches, synchronizations, modulesLoaded, modulesUnloaded, allocations;
    private ulong lastMap;

    public CudaResult InitResult { get; init; }

    public CudaCaptureStatus Capture { get; set; }

    public Action<PrefillArguments>? OnLaunch { get; set; }

    public Action<DecodeArguments>? OnDecode { get; set; }

    /// <summary>What <see cref="TensorMapEncodeTiled"/> answers.</summary>
    public CudaResult EncodeResult { get; set; }

    public int Launches => launches;

    public int Synchronizations => synchronizations;

    public int ModulesLoaded => modulesLoaded;

    public int ModulesUnloaded => modulesUnloaded;

    public int ContextsReleased { get; private set; }

    /// <summary>Allocations not freed.</summary>
    public int Allocations => allocations;

    public uint Grid { get; private set; }

    /// <summary>Whether the last launch may begin before the one before has ended.</summary>
    public bool Overlapping { get; private set; }

    public uint Block { get; private set; }

    public uint SharedMemoryBytes { get; private set; }

    public nint Stream { get; private set; }

    public int MaxDynamicSharedMemory { get; private set; }

    public PrefillArguments Arguments { get; private set; }

    public DecodeArguments Decode { get; private set; }

    /// <summary>The maps of this thread's last launch: a prefill's query, key and value, a decode's key and value.</summary>
    public EncodedMap[] Maps => Thread.Maps;

    /// <summary>Maps encoded so far.</summary>
    public int MapsEncoded => encodedMaps.Count;

    /// <summary>This thread's last memsets before a launch, in a ring of two.</summary>
    public (nint Address, nuint Bytes)[] Memsets => Thread.Memsets;

    public CudaResult Init() => InitResult;

    public CudaResult DriverGetVersion(out int version)
    {
        version = 13_010;
        return CudaResult.Success;
    }

    public CudaResult DeviceGetCount(out int count)
    {
        count = devices;
        return CudaResult.Success;
    }

    public CudaResult DeviceGet(out int device, int ordinal)
    {
        device = ordinal;
        return CudaResult.Success;
    }

    public CudaResult DeviceGetName(byte* name, int length, int device)
    {
        "Fake GPU\0"u8.CopyTo(new(name, length));
        return CudaResult.Success;
    }

    public CudaResult DeviceGetAttribute(out int value, CudaDeviceAttribute attribute, int device)
    {
        value = attribute switch
        {
            CudaDeviceAttribute.ComputeCapabilityMajor => major,
            CudaDeviceAttribute.ComputeCapabilityMinor => minor,
            _ => multiprocessors,
        };
        return CudaResult.Success;
    }

    public CudaResult DeviceTotalMem(out nuint bytes, int device)
    {
        bytes = 1 << 30;
        return CudaResult.Success;
    }

    public CudaResult DevicePrimaryCtxRetain(out nint context, int device)
    {
        context = 77;
        return CudaResult.Success;
    }

    public CudaResult DevicePrimaryCtxRelease(int device)
    {
        ContextsReleased++;
        return CudaResult.Success;
    }

    public CudaResult CtxPushCurrent(nint context)
    {
        Thread.Contexts++;
        return CudaResult.Success;
    }

    public CudaResult CtxPopCurrent(out nint context)
    {
        context = 77;
        return --Thread.Contexts < 0 ? (CudaResult)201 : CudaResult.Success;
    }

    public CudaResult CtxSynchronize()
    {
        Interlocked.Increment(ref synchronizations);
        return InContext();
    }

    public CudaResult ModuleLoadData(out nint module, void* image)
    {
        Interlocked.Increment(ref modulesLoaded);
        module = 1;
        return InContext();
    }

    public CudaResult ModuleUnload(nint module)
    {
        Interlocked.Increment(ref modulesUnloaded);
        return InContext();
    }

    public CudaResult ModuleGetFunction(out nint function, nint module, byte* name)
    {
        ReadOnlySpan<byte> entry = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name);
        function = entry.SequenceEqual("skip_softmax_prefill"u8) ? PrefillFunction : entry.SequenceEqual("skip_softmax_decode"u8) ? DecodeFunction : 0;
        return function != 0 ? InContext() : (CudaResult)500;
    }

    public CudaResult FuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value)
    {
        MaxDynamicSharedMemory = value;
        return InContext();
    }

    public CudaResult LaunchKernel(nint function, uint grid, uint block, uint sharedMemoryBytes, nint stream, void** parameters, bool overlapping)
    {
        Interlocked.Increment(ref launches);
        (Grid, Block, SharedMemoryBytes, Stream, Overlapping) = (grid, block, sharedMemoryBytes, stream, overlapping);
        int mapsOfLaunch = function == DecodeFunction ? 2 : 3;
        for (int map = 0; map < mapsOfLaunch; map++)
        {
            // The encoder left the map's number in its first word.
            if ((nint)parameters[map] % TensorMap.Alignment != 0 || !encodedMaps.TryGetValue(*(ulong*)parameters[map], out EncodedMap? encoded))
            {
                return (CudaResult)1;
            }
            Maps[map] = encoded;
        }
        if (function == DecodeFunction)
        {
            DecodeArguments arguments = *(DecodeArguments*)parameters[mapsOfLaunch];
            Decode = arguments;
            OnDecode?.Invoke(arguments);
        }
        else
        {
            PrefillArguments arguments = *(PrefillArguments*)parameters[mapsOfLaunch];
            Arguments = arguments;
            OnLaunch?.Invoke(arguments);
        }
        return InContext();
    }

    public CudaResult TensorMapEncodeTiled(TensorMap* map, TensorMapDataType type, uint rank, nint address, ulong* extents, ulong* byteStrides,
        uint* box, uint* elementStrides, TensorMapSwizzle swizzle, TensorMapL2Promotion promotion)
    {
        EncodedMap encoded = new() { Type = type, Address = address };
        new ReadOnlySpan<ulong>(extents, 5).CopyTo(encoded.Extents);
        new ReadOnlySpan<ulong>(byteStrides, 4).CopyTo(encoded.ByteStrides);
        new ReadOnlySpan<uint>(box, 5).CopyTo(encoded.Box);
        ulong number = Interlocked.Increment(ref lastMap);
        *(ulong*)map = number;
        encodedMaps[number] = encoded;
        return rank == 5 && elementStrides[4] == 1 && swizzle == TensorMapSwizzle.Bytes128 && promotion is TensorMapL2Promotion.Bytes128 or TensorMapL2Promotion.Bytes256 ? EncodeResult : (CudaResult)1;
    }

    public CudaResult MemAlloc(out nint address, nuint bytes)
    {
        Interlocked.Increment(ref allocations);
        address = (nint)NativeMemory.AlignedAlloc(bytes, 256);
        return InContext();
    }

    public CudaResult MemFree(nint address)
    {
        Interlocked.Decrement(ref allocations);
        NativeMemory.AlignedFree((void*)address);
        return InContext();
    }

    public CudaResult MemcpyHtoDAsync(nint destination, void* source, nuint bytes, nint stream)
    {
        NativeMemory.Copy(source, (void*)destination, bytes);
        return InContext();
    }

    public CudaResult MemcpyDtoHAsync(void* destination, nint source, nuint bytes, nint stream)
    {
        NativeMemory.Copy((void*)source, destination, bytes);
        return InContext();
    }

    public CudaResult MemsetD8Async(nint address, byte value, nuint bytes, nint stream)
    {
        NativeMemory.Fill((void*)address, bytes, value);
        Memsets[Thread.Set++ % 2] = (address, bytes);
        return InContext();
    }

    public CudaResult StreamIsCapturing(nint stream, out CudaCaptureStatus status)
    {
        status = Capture;
        return InContext();
    }

    public CudaResult StreamSynchronize(nint stream)
    {
        Interlocked.Increment(ref synchronizations);
        return InContext();
    }

    public string Explain(CudaResult result) => $"FAKE_ERROR_{(int)result}";

    private ThreadState Thread => threads.GetOrAdd(Environment.CurrentManagedThreadId, static _ => new());

    private CudaResult InContext() => Thread.Contexts > 0 ? CudaResult.Success : (CudaResult)201;

    private sealed class ThreadState
    {
        public int Contexts { get; set; }

        public int Set { get; set; }

        public EncodedMap[] Maps { get; } = [new(), new(), new()];

        public (nint Address, nuint Bytes)[] Memsets { get; } = new (nint, nuint)[2];
    }

    internal sealed class EncodedMap
    {
        public TensorMapDataType Type { get; init; }

        public nint Address { get; init; }

        public ulong[] Extents { get; } = new ulong[5];

        public ulong[] ByteStrides { get; } = new ulong[4];

        public uint[] Box { get; } = new uint[5];
    }
}
