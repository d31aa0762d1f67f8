using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>A backend that counts its work. It derives <see cref="WorkCountSuite{TBackend}"/>, as the others derive the other suites.</summary>
public interface IWorkCountingBackend : IConformanceBackend
{
    /// <summary>The declarations whose work is counted.</summary>
    IReadOnlyList<AttentionSpecification> CountedSpecifications { get; }

    /// <summary>Ways to interleave a run that differ as much as they can; the work must be the same in each.</summary>
    int Schedules { get; }

    /// <summary>Runs one case in one of those ways.</summary>
    (BackendResult Result, WorkCounts Counts) RunCounted(AttentionCase attentionCase, int schedule);

    /// <summary>The work that these decisions call for, by the backend's design: worked out from nothing else.</summary>
    WorkCounts ExpectedWork(AttentionCase attentionCase, TileDecision[] decisions);
}
