namespace SkipSoftmax.Cpu;

/// <summary>Hands out the numbers 0 … count − 1, each once and in order, to the threads that ask.</summary>
internal sealed class WorkQueue(long count)
{
    private long taken;

    /// <summary>Claims the next item; false when none is left.</summary>
    public bool TryTake(out long item)
    {
        item = Interlocked.Increment(ref taken) - 1;
        return item < count;
    }
}

/// <summary>Runs the items of a queue on several threads.</summary>
internal static class WorkSharing
{
    /// <summary>
    /// Calls <paramref name="worker"/> on at most <paramref name="workers"/> threads, the caller's among them, and returns when all are
    /// done. A worker takes items until none is left, so it does not matter how many threads the pool really gives.
    /// </summary>
    public static void Run(int workers, long items, Action<WorkQueue> worker)
    {
        if (items == 0)
        {
            return;
        }
        var queue = new WorkQueue(items);
        workers = (int)Math.Min(workers, items);
        if (workers == 1)
        {
            worker(queue);
            return;
        }
        Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers }, _ => worker(queue));
    }
}
