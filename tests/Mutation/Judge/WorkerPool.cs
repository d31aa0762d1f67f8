using System.Collections.Concurrent;

namespace SkipSoftmax.Mutation;

/// <summary>Judges mutants of one kernel in several processes.</summary>
internal static class WorkerPool
{
    /// <param name="target">The kernel.</param>
    /// <param name="numbers">Of the mutants, as <see cref="MutantGenerator"/> makes them.</param>
    /// <param name="workers">Processes.</param>
    /// <param name="report">Is told of each verdict as it comes, one at a time.</param>
    public static IReadOnlyDictionary<int, Verdict> Try(MutationTarget target, IReadOnlyCollection<int> numbers, int workers, Action<int, Verdict>? report = null)
    {
        ConcurrentQueue<int> waiting = new(numbers);
        Dictionary<int, Verdict> verdicts = [];
        Lock oneReport = new();
        Task.WaitAll([.. Enumerable.Range(0, Math.Min(workers, numbers.Count)).Select(_ => Task.Factory.StartNew(Work, TaskCreationOptions.LongRunning))]);
        return verdicts;

        void Work()
        {
            using WorkerProcess worker = new(target);
            while (waiting.TryDequeue(out int number))
            {
                Verdict verdict = worker.Try(number);
                lock (oneReport)
                {
                    verdicts.Add(number, verdict);
                    report?.Invoke(number, verdict);
                }
            }
        }
    }
}
