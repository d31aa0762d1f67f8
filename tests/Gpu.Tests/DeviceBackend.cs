using SkipSoftmax.Arguments;
using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Launch;
using SkipSoftmax.Simulation;

namespace SkipSoftmax.Gpu;

/// <summary>The emitted SM90 kernels on a GPU, launched by the runtime's own launcher.</summary>
public sealed class DeviceBackend : IConformanceBackend
{
    public string Name => "GPU";

    public string? Unavailable => Device.Unavailable;

    /// <summary>The simulator's specifications and as many drawn ones, and longer sequences than can be simulated.</summary>
    public BackendCapabilities Capabilities { get; } = SimulatorBackend.Shapes with
    {
        Specifications = DeviceSpecifications.All,
        LongestSequence = 2000,
        MostLogits = 2_000_000,
        RealTensorTokens = null,
        LongPublishedRows = true,
    };

    public BackendResult Run(AttentionCase attentionCase, int threads = 0) => RunOn(attentionCase, ctas: 0);

    /// <summary>Shares the keys out to so many CTAs that each sequence and head falls to about as many as it shall have parts.</summary>
    public BackendResult RunSplit(AttentionCase attentionCase, int splits) =>
        RunOn(attentionCase, Math.Clamp(splits * attentionCase.Batch * attentionCase.DecisionHeads, 1, 255));

    private static BackendResult RunOn(AttentionCase attentionCase, int ctas)
    {
        AttentionSpecification specification = attentionCase.Specification;
        Device device = Device.Current;
        LoadedKernel kernel = device.Kernel(specification, attentionCase.GroupSize * attentionCase.Query.Shape.Length);
        DeviceCase onDevice = new(attentionCase);
        lock (device.Launching)
        {
            using GpuDevice.Scope scope = device.Gpu.Enter();
            using DeviceMemory memory = new(device.Driver);
            AttentionProblem problem = onDevice.CopyTo(memory);
            if (specification.Phase == AttentionPhase.Decode)
            {
                DecodeLauncher.Launch(kernel, problem, ctas);
            }
            else
            {
                PrefillLauncher.Launch(kernel, problem);
            }
            onDevice.CopyBack(memory);
        }
        return specification.Phase == AttentionPhase.Decode
            ? onDevice.Result
            : onDevice.Result with { DenseTile = (kernel.Kernel.QueryTile, kernel.Kernel.KeyTile), ProductRows = kernel.Kernel.QueryBox };
    }
}
