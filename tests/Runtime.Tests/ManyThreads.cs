using System.Collections.Concurrent;

namespace SkipSoftmax.Tests;

/// <summary>One action on many threads that start together.</summary>
internal static class ManyThreads
{
    /// <summary>Far beyond what any of these tests takes: only threads that wait for each other reach it.</summary>
    private static readonly TimeSpan deadlocked = TimeSpan.FromMinutes(5);

    public static void Run(int count, Action<int> action)
    {
        using var start = new Barrier(count);
        var errors = new ConcurrentBag<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, count).Select(number => new Thread(() =>
        {
            start.SignalAndWait();
            try
            {
                action(number);
            }
            catch (Exception exception)
            {
                errors.Add(exception);
            }
        }) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        Assert.All(threads, thread => Assert.True(thread.Join(deadlocked), "The threads wait for each other."));
        Assert.Empty(errors);
    }
}
