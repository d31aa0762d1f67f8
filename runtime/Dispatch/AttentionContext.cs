using SkipSoftmax.Arguments;
using SkipSoftmax.Cpu;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax;

/// <summary>Owns what declared kernels run with: the device, the loaded kernels, the CPU threads. Thread-safe.</summary>
public sealed class AttentionContext : IDisposable
{
    private readonly int cpuThreads;
    private volatile bool disposed;

    /// <summary>Makes a context; nothing is loaded until it is needed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option has a value that can't be.</exception>
    public AttentionContext(AttentionOptions? options = null)
    {
        Options = options ?? new();
        Options.Validate();
        cpuThreads = Options.CpuThreads == 0 ? Environment.ProcessorCount : Options.CpuThreads;
    }

    /// <summary>The options it was made with.</summary>
    public AttentionOptions Options { get; }

    /// <summary>Runs the declared attention once. Generated methods call it; it can also be called directly.</summary>
    /// <remarks>Host tensors: returns when the result is written. All arguments are checked before anything is written.</remarks>
    /// <typeparam name="TDescriptor">The type the generator emitted for the declared method.</typeparam>
    /// <param name="inputs">Tensors to read, with lengths, scale and stream.</param>
    /// <param name="output">Tensor to write and, where declared, LSE, counters and decisions.</param>
    /// <param name="threshold">λ in the form the declaration asks for; <c>default</c> for <see cref="ThresholdMode.Off"/>.</param>
    /// <exception cref="ArgumentException">An argument doesn't fit the others or the declaration: says which, its value and the fix.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public void Run<TDescriptor>(in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold = default)
        where TDescriptor : IAttentionDescriptor
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        AttentionProblem problem = ArgumentValidation.Validate(TDescriptor.Specification, inputs, output, threshold);
        CpuBackend.Run(problem, cpuThreads);
    }

    /// <inheritdoc/>
    public void Dispose() => disposed = true;
}
