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
        PageSizes = [16, 32, 64, 128],
        ChoosesSplits = true,
        Alignment = 1,
    };

    public BackendResult Run(AttentionCase attentionCase, int threads = 0) => Run(attentionCase, threads, CpuBackend.TilesPerRange);

    public BackendResult RunSplit(AttentionCase attentionCase, int splits) =>
        Run(attentionCase, threads: 2, Math.Max(1, attentionCase.KeyBlocks / splits));

    private static BackendResult Run(AttentionCase attentionCase, int threads, int tilesPerRange)
    {
        BackendResult result = BackendResult.Allocate(attentionCase);
        PagedCache? pages = attentionCase.Paging is null ? null : PagedCache.Of(attentionCase);
        CpuBackend.Run(
            new AttentionProblem
            {
                Specification = attentionCase.Specification,
                Query = attentionCase.Query.View,
                Key = (pages?.Key ?? attentionCase.Key).View,
                Value = (pages?.Value ?? attentionCase.Value).View,
                BlockTable = pages is null ? default : BlockTable.Host(pages.Table, attentionCase.Batch, pages.PagesPerSequence),
                Output = result.Output.OutputView,
                Lse = result.Lse,
                Counters = result.Counters,
                Decisions = result.Decisions,
                QueryLengths = attentionCase.QueryLengths,
                KeyLengths = pages?.KeyLengths ?? attentionCase.KeyLengths,
                Threshold = attentionCase.Threshold,
                Scale = attentionCase.Scale,
            },
            threads,
            tilesPerRange);
        return result;
    }
}
