using System.Diagnostics;
using System.Diagnostics.Metrics;
using SkipSoftmax.Arguments;

namespace SkipSoftmax.Diagnostics;

/// <summary>
/// What this process did with declared kernels, for those who listen: measurements of the meter <c>SkipSoftmax.Gen</c>, named by OpenTelemetry's
/// conventions, and the events of <see cref="RuntimeEvents"/>. With no listener a run costs one branch and allocates nothing.
/// </summary>
internal static class Telemetry
{
    public const string MeterName = "SkipSoftmax.Gen";

    private static readonly Meter meter = new(MeterName, typeof(Telemetry).Assembly.GetName().Version!.ToString(3));

    private static readonly Histogram<double> compilations = meter.CreateHistogram<double>(
        "skip_softmax.compilation.duration", "s", "Time that NVRTC took for one kernel.");

    private static readonly Counter<long> lookups = meter.CreateCounter<long>(
        "skip_softmax.cache.lookups", "{lookup}", "Kernels looked for in the cache folder.");

    private static readonly Counter<long> launches = meter.CreateCounter<long>(
        "skip_softmax.launches", "{launch}", "Kernels enqueued on a GPU, and runs of the CPU path.");

    private static readonly Counter<long> visitedTiles = meter.CreateCounter<long>(
        "skip_softmax.tiles.visited", "{tile}", "Tiles visited, of runs that count them in host memory.");

    private static readonly Counter<long> skippedTiles = meter.CreateCounter<long>(
        "skip_softmax.tiles.skipped", "{tile}", "Tiles skipped, of runs that count them in host memory.");

    /// <summary>A kernel was compiled, or refused.</summary>
    /// <param name="entry">Its name in the cache folder.</param>
    /// <param name="architecture">Such as <c>sm_90a</c>.</param>
    /// <param name="started">Of <see cref="Stopwatch"/>.</param>
    /// <param name="error">Null where it was compiled.</param>
    public static void Compiled(string entry, string architecture, long started, Exception? error)
    {
        TimeSpan duration = Stopwatch.GetElapsedTime(started);
        TagList tags = new() { { "skip_softmax.architecture", architecture } };
        if (error is null)
        {
            RuntimeEvents.Log.KernelCompiled(entry, architecture, duration.TotalMilliseconds);
        }
        else
        {
            tags.Add("error.type", error.GetType().FullName);
            RuntimeEvents.Log.KernelRefused(entry, architecture, error.Message);
        }
        compilations.Record(duration.TotalSeconds, tags);
    }

    /// <summary>A kernel was looked for in the cache folder.</summary>
    public static void LookedUp(string entry, bool found)
    {
        lookups.Add(1, new KeyValuePair<string, object?>("skip_softmax.cache.outcome", found ? "hit" : "miss"));
        if (found)
        {
            RuntimeEvents.Log.CacheHit(entry);
        }
        else
        {
            RuntimeEvents.Log.CacheMiss(entry);
        }
    }

    /// <summary>A problem ran on the CPU path, or its kernel was enqueued.</summary>
    /// <param name="problem">With its counters written, where they lie in host memory.</param>
    /// <param name="variant">The kernel; null on the CPU path.</param>
    public static void Launched(in AttentionProblem problem, string? variant)
    {
        if (launches.Enabled | visitedTiles.Enabled | skippedTiles.Enabled | RuntimeEvents.Log.IsEnabled())
        {
            Report(problem, variant);
        }
    }

    private static void Report(in AttentionProblem problem, string? variant)
    {
        string declaration = problem.Specification.Name, backend = variant is null ? "cpu" : "gpu";
        TagList tags = new() { { "skip_softmax.declaration", declaration }, { "skip_softmax.backend", backend } };
        if (variant is not null)
        {
            tags.Add("skip_softmax.variant", variant);
        }
        launches.Add(1, tags);
        RuntimeEvents.Log.Launched(declaration, backend, variant ?? "");
        if (problem.Counters.HostValues is { IsEmpty: false } counters)
        {
            long visited = 0, skipped = 0;
            foreach (TileCounters counter in counters)
            {
                visited += (long)counter.Visited;
                skipped += (long)counter.Skipped;
            }
            visitedTiles.Add(visited, tags);
            skippedTiles.Add(skipped, tags);
            RuntimeEvents.Log.TilesCounted(declaration, visited, skipped);
        }
    }
}
