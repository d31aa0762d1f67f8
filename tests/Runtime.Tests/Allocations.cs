namespace SkipSoftmax.Tests;

internal static class Allocations
{
    private const int Warm = 100, Rounds = 5, Runs = 1000;

    /// <summary>
    /// Managed bytes that 1,000 warm runs allocate: the least of a few rounds, since a garbage collection that other tests cause has been seen to
    /// count what was left of the thread's allocation buffer. What a run allocates, each round has.
    /// </summary>
    public static long Of(Action run)
    {
        for (int warm = 0; warm < Warm; warm++)
        {
            run();
        }
        long least = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Runs; i++)
            {
                run();
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
