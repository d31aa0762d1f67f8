using System.Runtime.InteropServices;
using SkipSoftmax.Conformance;

namespace SkipSoftmax.Simulation;

// The C interface of a simulated kernel: tests/Simulator/include/simulator_abi.h, field by field.

internal enum SimulatorOrder : uint
{
    Fair = 0,
    Random = 1,
    StarveWarpgroup = 2,
    LeadersFirst = 3,
    StarveLanes = 4,
}

internal enum SimulatorCompletion : uint
{
    Earliest = 0,
    Latest = 1,
    Random = 2,
}

/// <summary>128 bytes, so that it takes the place of the driver's opaque tensor map.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SimulatorTensorMap
{
    public ulong Base;
    public ulong AllowedBytes;
    public uint ElementBytes;
    public uint Swizzle;
    public fixed ulong Extents[5];
    public fixed ulong ByteStrides[5];
    public fixed uint Box[5];
    public uint Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SimulatorRange
{
    public ulong Base;
    public ulong Bytes;

    /// <summary>A null-terminated UTF-8 string.</summary>
    public nint Name;
    public uint Writable;
    public uint Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SimulatorLaunch
{
    public const uint CurrentAbi = 6;

    public uint AbiVersion;
    public uint Grid;
    public uint Threads;
    public uint SharedBytes;
    public uint Registers;
    public SimulatorOrder Order;
    public SimulatorCompletion Completion;
    public uint StarvedWarpgroup;
    public uint ResidentCtas;
    public uint RangeCount;

    /// <summary>1: the kernel may touch no global memory before it has waited for the kernel before it.</summary>
    public uint Overlapping;
    public uint Reserved;
    public ulong Seed;
    public ulong StepLimit;

    /// <summary>Prefill: Q, K, V. Decode: K, V.</summary>
    public SimulatorTensorMap Map0;
    public SimulatorTensorMap Map1;
    public SimulatorTensorMap Map2;
    public void* Arguments;
    public ulong ArgumentBytes;
    public SimulatorRange* Ranges;
    public ulong* CtaFlops;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SimulatorCounters
{
    public fixed ulong Copies[3];
    public fixed ulong CopiedBytes[3];
    public fixed ulong TensorBytes[3];
    public ulong SharedSharedProducts;
    public ulong SharedSharedFlops;
    public ulong RegisterSharedProducts;
    public ulong RegisterSharedFlops;
    public ulong TensorLoadedBytes;
    public ulong TensorStoredBytes;
    public ulong MatrixLoads;
    public ulong WarpProducts;
    public ulong Exponentials;
    public ulong WarpOrs;
    public ulong WarpVotes;
    public ulong Shuffles;
    public ulong MbarrierArrivals;
    public ulong MbarrierWaits;
    public ulong MbarrierTests;
    public ulong NamedBarrierWaits;
    public ulong Votes;
    public ulong LeastBytesInFlight;
    public ulong ProductTurns;
    public ulong Steps;

    /// <summary>The part that decisions call for; the rest depends on the schedule.</summary>
    public readonly WorkCounts Work =>
        new(TensorBytes[0], TensorBytes[1], TensorBytes[2], SharedSharedFlops, RegisterSharedFlops, Exponentials, Votes);
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SimulatorReport
{
    public const int MessageBytes = 8192;

    public int Status;
    public uint Cta;
    public uint Thread;
    public uint Line;
    public SimulatorCounters Counters;
    public fixed byte Message[MessageBytes];
}

[StructLayout(LayoutKind.Sequential)]
internal struct SimulatorDescription
{
    public uint AbiVersion;
    public uint Threads;
    public uint SharedBytes;
    public uint ArgumentBytes;
    public uint QueryTile;
    public uint QueryBox;
    public uint KeyBox;
    public uint ValueBox;
}
