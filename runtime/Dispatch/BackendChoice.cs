namespace SkipSoftmax;

/// <summary>What executes a declared method.</summary>
public enum Backend
{
    /// <summary>The SIMD path in this process.</summary>
    Cpu = 0,

    /// <summary>A kernel compiled for the context's CUDA device.</summary>
    Gpu = 1,
}

/// <summary>Which backend a context runs a declaration on.</summary>
/// <param name="Backend">The backend.</param>
/// <param name="Variant">Name of the GPU kernel's variant; null on the CPU path.</param>
/// <param name="Reason">What was found, and why it led to this backend: for people.</param>
public sealed record BackendChoice(Backend Backend, string? Variant, string Reason);
