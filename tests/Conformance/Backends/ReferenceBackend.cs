namespace SkipSoftmax.Conformance;

/// <summary>The double-precision reference as a backend of its own, so that the rules are shown to hold of what the others are judged by.</summary>
public sealed class ReferenceBackend : IConformanceBackend
{
    public string Name => "reference";

    public string? Unavailable => null;

    public BackendCapabilities Capabilities { get; } = new CpuPathBackend().Capabilities;

    public BackendResult Run(AttentionCase attentionCase, int threads = 0)
    {
        ReferenceResult reference = ReferenceAttention.Run(attentionCase);
        BackendResult result = BackendResult.Allocate(attentionCase);
        reference.Decisions.CopyTo(result.Decisions.AsSpan());
        reference.Counters.CopyTo(result.Counters.AsSpan());
        for (int sequence = 0; sequence < attentionCase.Batch; sequence++)
        {
            for (int head = 0; head < attentionCase.QueryHeads; head++)
            {
                for (int row = 0; row < attentionCase.QueryLengthOf(sequence); row++)
                {
                    int index = attentionCase.RowIndex(sequence, head, row);
                    result.Lse[index] = (float)reference.Lse[index];
                    for (int dim = 0; dim < attentionCase.HeadDim; dim++)
                    {
                        result.Output[sequence, row, head, dim] = (float)reference.Output[(index * attentionCase.HeadDim) + dim];
                    }
                }
            }
        }
        return result;
    }
}
