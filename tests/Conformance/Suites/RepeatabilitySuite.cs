namespace SkipSoftmax.Conformance;

/// <summary>One answer, however many threads compute it and whatever else runs.</summary>
public abstract class RepeatabilitySuite<TBackend> : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    private const int Cases = 24;

    public static TheoryData<int> ThreadCounts => [2, 3, 8];

    [SkippableTheory]
    [MemberData(nameof(ThreadCounts))]
    public void Thread_count_never_changes_a_bit(int threads)
    {
        for (int seed = 0; seed < Cases; seed++)
        {
            AttentionCase attentionCase = Create(seed);
            AssertSameBits(Run(attentionCase, threads: 1), Run(attentionCase, threads));
        }
    }

    [SkippableFact]
    public void Concurrent_calls_do_not_meet()
    {
        AttentionCase[] cases = [.. Enumerable.Range(0, Cases).Select(Create)];
        BackendResult[] alone = [.. cases.Select(attentionCase => Run(attentionCase, threads: 2))];
        BackendResult[] together = new BackendResult[4 * Cases];
        Parallel.For(0, together.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 },
            index => together[index] = Backend.Run(cases[index % Cases], threads: 2));
        for (int index = 0; index < together.Length; index++)
        {
            AssertSameBits(alone[index % Cases], together[index]);
        }
    }

    /// <summary>Prefill and decode in turn, where the backend has both.</summary>
    private AttentionCase Create(int seed) => seed % 2 == 1 && Capabilities.Phases.Contains(AttentionPhase.Decode)
        ? RandomDecodeCases.Create(seed, Capabilities)
        : RandomCases.Create(seed, Capabilities);
}
