namespace SkipSoftmax;

/// <summary>Which backend a context may use.</summary>
public enum BackendPolicy
{
    /// <summary>The GPU where a device, an emitted kernel for it and NVRTC (or a cached image) are there; the CPU path otherwise.</summary>
    Auto = 0,

    /// <summary>The GPU, or an <see cref="InvalidOperationException"/> that says what was found and what to do.</summary>
    GpuOnly = 1,

    /// <summary>The CPU path, whatever devices there are.</summary>
    CpuOnly = 2,
}

/// <summary>Everything that can be set about how declared kernels run.</summary>
public sealed record AttentionOptions
{
    /// <summary>Which backend may be used. Default: <see cref="BackendPolicy.Auto"/>.</summary>
    public BackendPolicy Policy { get; init; } = BackendPolicy.Auto;

    /// <summary>CUDA device ordinal, from 0.</summary>
    public int DeviceOrdinal { get; init; }

    /// <summary>Path of the NVRTC library, or of the folder it lies in; null: the usual places are searched.</summary>
    public string? NvrtcPath { get; init; }

    /// <summary>Folder of compiled kernels; null: <c>SKIPSOFTMAX_CACHE_DIR</c> or, without it, the user's cache folder.</summary>
    public string? CacheDirectory { get; init; }

    /// <summary>Threads of the CPU path; 0 (default): one for each processor.</summary>
    public int CpuThreads { get; init; }

    /// <summary>Called with what went wrong without failing a call, such as a cache folder that can't be used; on any thread. Null:
    /// warnings are only kept for <see cref="AttentionContext.Describe"/>.</summary>
    public Action<string>? OnWarning { get; init; }

    internal void Validate()
    {
        if (!Enum.IsDefined(Policy))
        {
            throw new ArgumentOutOfRangeException("options.Policy", Policy, "options.Policy is no BackendPolicy: pass Auto, GpuOnly or CpuOnly.");
        }
        if (DeviceOrdinal < 0)
        {
            throw new ArgumentOutOfRangeException("options.DeviceOrdinal", DeviceOrdinal, $"options.DeviceOrdinal is {DeviceOrdinal}, but devices are counted from 0: pass 0 for the first.");
        }
        if (CpuThreads < 0)
        {
            throw new ArgumentOutOfRangeException("options.CpuThreads", CpuThreads, $"options.CpuThreads is {CpuThreads}: pass a number of threads, or 0 for one for each processor.");
        }
    }
}
