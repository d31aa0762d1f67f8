using SkipSoftmax.Conformance;

namespace SkipSoftmax.Simulation;

/// <summary>What decode reads of K and V on random problems, ragged, paged and split in every way: exactly what its decisions call for.</summary>
public sealed class SimulatorDecodeWorkTests : BackendSuite<SimulatorBackend>
{
    private const int Cases = 60;

    [SkippableFact]
    public unsafe void Decode_reads_what_its_decisions_call_for()
    {
        RequireAvailable();
        for (int seed = 0; seed < Cases; seed++)
        {
            AttentionCase attentionCase = RandomDecodeCases.Create(seed, Capabilities);
            int ctas = 1 + (seed % 9);
            SimulatedRun run = SimulatorBackend.Run(attentionCase, Schedule.Of(attentionCase.Name), ctas);
            DecodeWork expected = new SplitDecode(ctas).Count(attentionCase, run.Result.Decisions);
            SimulatorCounters counters = run.Counters;
            Assert.True((expected.KeyBytes, expected.ValueBytes) == (counters.TensorBytes[0], counters.TensorBytes[1]),
                $"{attentionCase.Name}, {ctas} CTAs: read {counters.TensorBytes[0]} and {counters.TensorBytes[1]} bytes of K and V instead of {expected}");
        }
    }
}
