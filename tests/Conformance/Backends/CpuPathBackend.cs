using SkipSoftmax.Arguments;
using SkipSoftmax.Cpu;

namespace SkipSoftmax.Conformance;

/// <summary>The CPU path, called below the argument checks.</summary>
public sealed class CpuPathBackend : IConformanceBackend
{
    public string Name => "CPU path";

    public string? Unavailable => null;

    public BackendCapabilities Capabilities { get; } = new()
    {
        Elements = [ElementType.Float32, ElementType.Float16, ElementType.BFloat16],
        HeadDims = [64, 96, 128, 192, 256],
        Phases = [AttentionPhase.Prefill, AttentionPhase.Decode],
        QueryBlocks = [64, 128],
        KeyBlocks = [64, 128],
        Alignment = 1,
    };

    public BackendResult Run(AttentionCase attentionCase, int threads = 0)
    {
        BackendResult result = BackendResult.Allocate(attentionCase);
        CpuBackend.Run(
            new AttentionProblem
            {
                Specification = attentionCase.Specification,
                Query = attentionCase.Query.View,
                Key = attentionCase.Key.View,
                Value = attentionCase.Value.View,
                Output = result.Output.OutputView,
                Lse = result.Lse,
                Counters = result.Counters,
                Decisions = result.Decisions,
                QueryLengths = attentionCase.QueryLengths,
                KeyLengths = attentionCase.KeyLengths,
                Threshold = attentionCase.Threshold,
                Scale = attentionCase.Scale,
            },
            threads);
        return result;
    }
}
