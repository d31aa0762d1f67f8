using System.Runtime.InteropServices;

namespace SkipSoftmax.Conformance;

/// <summary>What every suite shares: the backend it judges.</summary>
public abstract class BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    protected TBackend Backend { get; } = new();

    protected BackendCapabilities Capabilities => Backend.Capabilities;

    /// <summary>Runs a case, or skips the test with the reason why this backend cannot.</summary>
    protected BackendResult Run(AttentionCase attentionCase, int threads = 0)
    {
        RequireAvailable();
        RequirePhase(attentionCase.Specification.Phase);
        return Backend.Run(attentionCase, threads);
    }

    protected void RequireAvailable() => Skip.IfNot(Backend.Unavailable is null, Backend.Unavailable);

    /// <summary>Skips the test where the backend has nothing of a phase.</summary>
    protected void RequirePhase(AttentionPhase phase) => Skip.IfNot(Capabilities.Phases.Contains(phase), $"{Backend.Name} has no {phase}.");

    protected static void AssertSameBits(BackendResult expected, BackendResult actual)
    {
        Assert.True(expected.Output.Bytes.SequenceEqual(actual.Output.Bytes), "The outputs differ.");
        AssertSameLse(expected, actual);
        Assert.Equal(expected.Decisions, actual.Decisions);
        Assert.Equal(expected.Counters, actual.Counters);
    }

    protected static void AssertSameLse(BackendResult expected, BackendResult actual) =>
        Assert.True(MemoryMarshal.AsBytes<float>(expected.Lse).SequenceEqual(MemoryMarshal.AsBytes<float>(actual.Lse)), "The LSEs differ.");
}
