namespace SkipSoftmax.Native;

/// <summary>Results of driver calls that the runtime tells apart (<c>CUresult</c>); every other value is an error too.</summary>
internal enum CudaResult
{
    Success = 0,
    NoDevice = 100,
}

/// <summary><c>CUdevice_attribute</c>.</summary>
internal enum CudaDeviceAttribute
{
    MultiprocessorCount = 16,
    ComputeCapabilityMajor = 75,
    ComputeCapabilityMinor = 76,
}

/// <summary><c>CUfunction_attribute</c>.</summary>
internal enum CudaFunctionAttribute
{
    MaxDynamicSharedMemoryBytes = 8,
}

/// <summary><c>CUstreamCaptureStatus</c>.</summary>
internal enum CudaCaptureStatus
{
    None = 0,
    Active = 1,
    Invalidated = 2,
}

/// <summary><c>CUtensorMapDataType</c>.</summary>
internal enum TensorMapDataType
{
    Float16 = 6,
    BFloat16 = 9,
}

/// <summary><c>CUtensorMapSwizzle</c>.</summary>
internal enum TensorMapSwizzle
{
    Bytes128 = 3,
}

/// <summary><c>CUtensorMapL2promotion</c>.</summary>
internal enum TensorMapL2Promotion
{
    /// <summary>A miss fetches 128 bytes: what a load asks for, and nothing else.</summary>
    Bytes128 = 2,

    /// <summary>A miss fetches 256 bytes.</summary>
    Bytes256 = 3,
}

/// <summary><c>CUtensorMap</c>: opaque, 128 bytes, 64-byte aligned wherever the driver or a kernel reads it.</summary>
[System.Runtime.CompilerServices.InlineArray(16)]
internal struct TensorMap
{
    public const int Alignment = 64;

    private ulong word;
}
