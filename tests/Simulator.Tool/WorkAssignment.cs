namespace SkipSoftmax.Simulation;

/// <summary>How much work each CTA of a persistent grid gets, from the costs of the work tiles in the order in which they are handed out.</summary>
internal static class WorkAssignment
{
    /// <summary>A CTA that is done takes the next tile from the counter: the one with the least work so far.</summary>
    public static ulong[] FromCounter(IReadOnlyList<ulong> costs, int ctas)
    {
        PriorityQueue<int, (ulong Work, int Cta)> idle = new();
        ulong[] work = new ulong[ctas];
        for (int cta = 0; cta < ctas; cta++)
        {
            idle.Enqueue(cta, (0, cta));
        }
        foreach (ulong cost in costs)
        {
            int cta = idle.Dequeue();
            work[cta] += cost;
            idle.Enqueue(cta, (work[cta], cta));
        }
        return work;
    }

    /// <summary>CTA i takes tiles i, i + ctas, i + 2 · ctas …, whatever they cost.</summary>
    public static ulong[] Static(IReadOnlyList<ulong> costs, int ctas)
    {
        ulong[] work = new ulong[ctas];
        for (int tile = 0; tile < costs.Count; tile++)
        {
            work[tile % ctas] += costs[tile];
        }
        return work;
    }

    /// <summary>The largest share over the mean: how many times as long the launch takes as with perfect balance.</summary>
    public static double Imbalance(IReadOnlyCollection<ulong> work) => work.Max() / work.Average(share => (double)share);
}
