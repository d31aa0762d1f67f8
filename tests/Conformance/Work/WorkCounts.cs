namespace SkipSoftmax.Conformance;

/// <summary>What a run has cost: what skipping is meant to save, and what it spends on deciding.</summary>
/// <param name="QueryBytes">Bytes read of Q.</param>
/// <param name="KeyBytes">Bytes read of K.</param>
/// <param name="ValueBytes">Bytes read of V.</param>
/// <param name="LogitFlops">Floating-point operations of QKᵀ, two for each multiplication and addition.</param>
/// <param name="OutputFlops">Those of P·V.</param>
/// <param name="Exponentials">Exponentials taken, of one thread each.</param>
/// <param name="Votes">Votes published.</param>
public readonly record struct WorkCounts(
    ulong QueryBytes, ulong KeyBytes, ulong ValueBytes, ulong LogitFlops, ulong OutputFlops, ulong Exponentials, ulong Votes)
{
    /// <summary>Both in one.</summary>
    public static WorkCounts operator +(WorkCounts one, WorkCounts other) => new(
        one.QueryBytes + other.QueryBytes, one.KeyBytes + other.KeyBytes, one.ValueBytes + other.ValueBytes, one.LogitFlops + other.LogitFlops,
        one.OutputFlops + other.OutputFlops, one.Exponentials + other.Exponentials, one.Votes + other.Votes);
}
