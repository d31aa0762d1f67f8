using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace SkipSoftmax.Mutation;

/// <summary>A <see cref="Worker"/> and what is known of it. One that crashes or does not end is evidence against its mutant; the next mutant gets a new one.</summary>
internal sealed class WorkerProcess(MutationTarget target) : IDisposable
{
    /// <summary>A loaded library stays, and what a mutant wrote where it must not may stay too.</summary>
    private const int MostMutants = 40;

    private static readonly TimeSpan beat = TimeSpan.FromMilliseconds(500);

    private Process? process;
    private int judged;

    /// <summary>Processor time of the worker itself, so that neither the compiler's nor a pause of the machine counts.</summary>
    public static TimeSpan LongestTrial { get; } = TimeSpan.FromSeconds(90);

    public Verdict Try(int number)
    {
        if (judged == MostMutants)
        {
            Dispose();
        }
        Process worker = process ??= Start();
        judged++;
        TimeSpan before = worker.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        worker.StandardInput.WriteLine(number);
        Task<string?> answer = worker.StandardOutput.ReadLineAsync();
        while (!answer.Wait(beat))
        {
            if (!worker.HasExited && worker.TotalProcessorTime - before > LongestTrial)
            {
                Dispose();
                return new(Outcome.Killed, "no end", $"still running after {LongestTrial.TotalSeconds:f0} s of processor time", Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }
        if (answer.Result is string line)
        {
            return JsonSerializer.Deserialize<Verdict>(line)!;
        }
        worker.WaitForExit();
        int exitCode = worker.ExitCode;
        Dispose();
        return new(Outcome.Killed, "crash", $"the process ended with {exitCode}", Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    public void Dispose()
    {
        if (process is null)
        {
            return;
        }
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }
        process.Dispose();
        process = null;
        judged = 0;
    }

    private Process Start()
    {
        ProcessStartInfo start = new("dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            // A crash of a mutant's is no news.
            RedirectStandardError = true,
        };
        foreach (string argument in new[] { "exec", typeof(WorkerProcess).Assembly.Location, Program.WorkerCommand, target.Name })
        {
            start.ArgumentList.Add(argument);
        }
        start.Environment["DOTNET_DbgEnableMiniDump"] = 0.ToString(CultureInfo.InvariantCulture);
        Process started = Process.Start(start)!;
        started.ErrorDataReceived += (_, _) => { };
        started.BeginErrorReadLine();
        return started;
    }
}
