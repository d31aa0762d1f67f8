namespace SkipSoftmax.Descriptors;

/// <summary>
/// The contract between the code the generator emits into the user's assembly and the runtime; there is no other. Each declared
/// method gets one type that implements it.
/// </summary>
public interface IAttentionDescriptor
{
    /// <summary>What the declaration fixed at compile time.</summary>
    static abstract AttentionSpecification Specification { get; }

    /// <summary>The kernels emitted for the declared targets; empty for <see cref="GpuTargets.None"/>.</summary>
    static abstract IReadOnlyList<GpuKernel> Kernels { get; }

    /// <summary>The whole CUDA C++ text of <c>Kernels[index]</c>: UTF-8, no <c>#include</c>, as handed to NVRTC.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such kernel.</exception>
    static abstract ReadOnlySpan<byte> GetKernelText(int index);
}
