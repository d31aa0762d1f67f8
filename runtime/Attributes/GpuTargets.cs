using System;

namespace SkipSoftmax;

/// <summary>GPU architectures that kernel text is emitted for. The CPU path is always there.</summary>
[Flags]
public enum GpuTargets
{
    /// <summary>No GPU text: the declaration runs on the CPU path only.</summary>
    None = 0,

    /// <summary>Compute capability 9.0 (Hopper: H100, H200), compiled for <c>sm_90a</c>.</summary>
    Sm90 = 1,

    /// <summary>Compute capability 10.0 and 10.3 (Blackwell: B200, B300), compiled for <c>sm_100a</c> or <c>sm_103a</c>.</summary>
    Sm100 = 2,
}
