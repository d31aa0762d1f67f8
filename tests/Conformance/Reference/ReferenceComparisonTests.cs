using Xunit.Sdk;

namespace SkipSoftmax.Conformance;

/// <summary>The judge finds what it is there to find.</summary>
public sealed class ReferenceComparisonTests
{
    private static readonly AttentionCase Case = CraftedCases.FromLogits(
        new CpuPathBackend().Capabilities, rows: 64, keys: 192, (row, key) => key >= 128 ? row % 3 : key >= 64 ? -1 : -50, CraftedCases.Specification, lambda: 0.01f) with
    {
        QueryLengths = [60],
        OutputStrides = new(64 * 72, 72, 72),
    };

    [Fact]
    public void Right_answer_passes()
    {
        ReferenceComparison comparison = ReferenceComparison.Check(Case, Answer());
        Assert.Equal((3UL, 1UL, 0), (comparison.Visited, comparison.Skipped, comparison.TurnedOver));
    }

    [Theory]
    [InlineData(0, TileDecision.Kept)]
    [InlineData(1, TileDecision.Skipped)]
    [InlineData(2, TileDecision.NotVisited)]
    public void Wrong_decision_is_found(int tile, TileDecision decision)
    {
        BackendResult answer = Answer();
        answer.Decisions[tile] = decision;
        AssertRejected("tile", answer);
    }

    [Fact]
    public void Wrong_counter_is_found()
    {
        BackendResult answer = Answer();
        answer.Counters[0] = new TileCounters(3, 2);
        AssertRejected("counters", answer);
    }

    [Fact]
    public void Wrong_LSE_is_found()
    {
        BackendResult answer = Answer();
        answer.Lse[7] += 1e-4f;
        AssertRejected("LSE", answer);
    }

    [Fact]
    public void LSE_past_the_end_is_found()
    {
        BackendResult answer = Answer();
        answer.Lse[61] = 0;
        AssertRejected("LSE", answer);
    }

    [Fact]
    public void Wrong_output_is_found()
    {
        BackendResult answer = Answer();
        answer.Output[0, 7, 0, 3] += 0.001f;
        AssertRejected("‖out − reference‖", answer);
    }

    [Fact]
    public void NaN_in_the_output_is_found()
    {
        BackendResult answer = Answer();
        answer.Output[0, 7, 0, 3] = float.NaN;
        AssertRejected("output [sequence 0, head 0, row 7], dim 3", answer);
    }

    [Fact]
    public void Output_past_the_end_is_found()
    {
        BackendResult answer = Answer();
        answer.Output[0, 61, 0, 0] = 0;
        AssertRejected("between the output's rows or past a sequence's end", answer);
    }

    [Fact]
    public void Output_between_rows_is_found()
    {
        BackendResult answer = Answer();
        answer.Output[0, 7, 0, 64] = 0; // the first element of the gap
        AssertRejected("between the output's rows or past a sequence's end", answer);
    }

    private static BackendResult Answer() => new ReferenceBackend().Run(Case);

    private static void AssertRejected(string because, BackendResult answer) =>
        Assert.Contains(because, Assert.Throws<XunitException>(() => ReferenceComparison.Check(Case, answer)).Message);
}
