using Xunit.Sdk;

namespace SkipSoftmax.Conformance;

/// <summary>Judges a backend's answer by the contract: decisions one by one, then everything else under the backend's own decisions.</summary>
/// <param name="RelativeError">‖out − reference‖ / ‖reference‖ over the whole case.</param>
/// <param name="AllowedError">What it may be.</param>
/// <param name="Visited">Tiles visited.</param>
/// <param name="Skipped">Tiles skipped.</param>
/// <param name="TurnedOver">Decisions that differ from the reference's, all within the rounding of the logits.</param>
public sealed record ReferenceComparison(double RelativeError, double AllowedError, ulong Visited, ulong Skipped, int TurnedOver)
{
    /// <summary>Compares, or throws with the case's name.</summary>
    public static ReferenceComparison Check(AttentionCase attentionCase, BackendResult actual)
    {
        ReferenceResult expected = ReferenceAttention.Run(attentionCase, actual.Decisions, actual.DenseTile, actual.ProductRows);
        int turnedOver = CheckDecisions(attentionCase, expected, actual);
        if (!expected.Counters.SequenceEqual(actual.Counters))
        {
            throw Failure(attentionCase, $"counters are {string.Join(", ", actual.Counters)}, but its decisions count {string.Join(", ", expected.Counters)}");
        }
        CheckLse(attentionCase, expected, actual);
        if (!actual.Output.IsUntouchedExcept((sequence, row) => row < attentionCase.QueryLengthOf(sequence)))
        {
            throw Failure(attentionCase, "something was written between the output's rows or past a sequence's end");
        }
        (double error, double allowed) = CheckOutput(attentionCase, expected, actual);
        return new(error, allowed, Sum(actual.Counters, counters => counters.Visited), Sum(actual.Counters, counters => counters.Skipped), turnedOver);
    }

    /// <summary>The bar of the contract for an element type.</summary>
    private static double Bar(ElementType element) => element switch
    {
        ElementType.Float32 => 2e-6,
        ElementType.Float16 => 1e-3,
        ElementType.BFloat16 => 4e-3,
        _ => throw new ArgumentOutOfRangeException(nameof(element), element, "The contract sets no bar for this element type."),
    };

    private static int CheckDecisions(AttentionCase attentionCase, ReferenceResult expected, BackendResult actual)
    {
        int turnedOver = 0;
        for (int tile = 0; tile < expected.Decisions.Length; tile++)
        {
            if (expected.Decisions[tile] == actual.Decisions[tile])
            {
                continue;
            }
            bool bothVisited = expected.Decisions[tile] != TileDecision.NotVisited && actual.Decisions[tile] is TileDecision.Kept or TileDecision.Skipped;
            if (!bothVisited || expected.DecisionDistance[tile] > 1)
            {
                throw Failure(attentionCase, $"tile {DescribeTile(attentionCase, tile)} is {actual.Decisions[tile]}, the reference says "
                    + $"{expected.Decisions[tile]} at {expected.DecisionDistance[tile]:g3} times the rounding of the logits");
            }
            turnedOver++;
        }
        return turnedOver;
    }

    private static void CheckLse(AttentionCase attentionCase, ReferenceResult expected, BackendResult actual)
    {
        for (int index = 0; index < expected.Lse.Length; index++)
        {
            int row = index % attentionCase.Query.Shape.Length;
            int sequence = index / attentionCase.Query.Shape.Length / attentionCase.QueryHeads;
            double want = expected.Lse[index];
            float got = actual.Lse[index];
            bool agrees = row >= attentionCase.QueryLengthOf(sequence)
                ? got == BackendResult.UnwrittenLse
                : double.IsNegativeInfinity(want) ? float.IsNegativeInfinity(got)
                : double.IsNaN(want) ? float.IsNaN(got)
                : Math.Abs(got - want) <= expected.LogitError[index] + (32 * ReferenceAttention.Float32Rounding * (1 + Math.Abs(want)));
            if (!agrees)
            {
                throw Failure(attentionCase, $"LSE {DescribeRow(attentionCase, index)} is {got}, the reference says {want}");
            }
        }
    }

    private static (double Error, double Allowed) CheckOutput(AttentionCase attentionCase, ReferenceResult expected, BackendResult actual)
    {
        double difference = 0;
        double norm = 0;
        for (int index = 0; index < expected.Lse.Length; index++)
        {
            int row = index % attentionCase.Query.Shape.Length;
            int head = index / attentionCase.Query.Shape.Length % attentionCase.QueryHeads;
            int sequence = index / attentionCase.Query.Shape.Length / attentionCase.QueryHeads;
            for (int dim = 0; dim < attentionCase.HeadDim && row < attentionCase.QueryLengthOf(sequence); dim++)
            {
                int element = (index * attentionCase.HeadDim) + dim;
                double want = expected.Output[element];
                float got = actual.Output[sequence, row, head, dim];
                if (expected.Unspecified[element])
                {
                    continue;
                }
                if (double.IsFinite(want) != float.IsFinite(got))
                {
                    throw Failure(attentionCase, $"output {DescribeRow(attentionCase, index)}, dim {dim} is {got}, the reference says {want}");
                }
                if (double.IsFinite(want))
                {
                    difference += (got - want) * (got - want);
                    norm += want * want;
                }
            }
        }
        double error = difference == 0 ? 0 : Math.Sqrt(difference / norm);
        double allowed = Bar(attentionCase.Query.Element);
        return error <= allowed
            ? (error, allowed)
            : throw Failure(attentionCase, $"‖out − reference‖ / ‖reference‖ = {error:g3}, over {allowed:g3}");
    }

    private static ulong Sum(TileCounters[] counters, Func<TileCounters, ulong> select) => counters.Aggregate(0UL, (sum, of) => sum + select(of));

    private static string DescribeRow(AttentionCase attentionCase, int index) =>
        $"[sequence {index / attentionCase.Query.Shape.Length / attentionCase.QueryHeads}, head {index / attentionCase.Query.Shape.Length % attentionCase.QueryHeads}, "
        + $"row {index % attentionCase.Query.Shape.Length}]";

    private static string DescribeTile(AttentionCase attentionCase, int tile) =>
        $"[sequence {tile / attentionCase.KeyBlocks / attentionCase.QueryBlocks / attentionCase.DecisionHeads}, "
        + $"head {tile / attentionCase.KeyBlocks / attentionCase.QueryBlocks % attentionCase.DecisionHeads}, "
        + $"query block {tile / attentionCase.KeyBlocks % attentionCase.QueryBlocks}, key block {tile % attentionCase.KeyBlocks}]";

    private static XunitException Failure(AttentionCase attentionCase, string what) => new($"{attentionCase.Name}: {what}.");
}
