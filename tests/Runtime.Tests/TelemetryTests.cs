using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;
using SkipSoftmax.Diagnostics;

namespace SkipSoftmax.Tests;

/// <summary>Meter and events belong to the whole process: nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(RunsAlone), DisableParallelization = true)]
public sealed class RunsAlone;

/// <summary>Who listens sees what ran; who doesn't pays nothing.</summary>
[Collection(nameof(RunsAlone))]
public sealed class TelemetryTests
{
    private const string Variant = "skip_softmax.variant=Sm90_d64_test";

    [Fact]
    public void Compilations_and_cache_lookups_are_measured()
    {
        using var folder = new TemporaryFolder();
        using var measured = new Measurements();
        using (AttentionContext context = FakeMachine.Context(new FakeDriver(9, 0), new FakeCompiler { Failures = 1 }, folder))
        {
            Assert.Throws<KernelCompilationException>(() => context.Prepare<Sm90Half>());
            context.Prepare<Sm90Half>();
            context.Prepare<Sm90Half>();
        }
        using (AttentionContext context = FakeMachine.Context(new FakeDriver(9, 0), new FakeCompiler(), folder))
        {
            context.Prepare<Sm90Half>();
        }
        using (AttentionContext context = FakeMachine.Context(new FakeDriver(9, 0), compiler: null, folder))
        {
            context.Prepare<Sm90Half>();
        }
        Assert.Equal(2, measured.Sum("skip_softmax.cache.lookups", "skip_softmax.cache.outcome=hit"));
        Assert.Equal(2, measured.Sum("skip_softmax.cache.lookups", "skip_softmax.cache.outcome=miss"));
        Assert.Equal(1, measured.Count("skip_softmax.compilation.duration", "skip_softmax.architecture=sm_90a"));
        Assert.Equal(1, measured.Count("skip_softmax.compilation.duration", "skip_softmax.architecture=sm_90a", $"error.type={typeof(KernelCompilationException).FullName}"));
        Assert.Equal(6, measured.Recorded);
    }

    [Fact]
    public void Launches_are_counted_by_declaration_backend_and_variant()
    {
        using var measured = new Measurements();
        using AttentionContext gpu = FakeMachine.Context(new FakeDriver(9, 0), new FakeCompiler(), cacheFolder: null);
        using AttentionContext cpu = FakeMachine.Context(driver: null, compiler: null, cacheFolder: null);
        RunHalf(gpu);
        RunHalf(gpu);
        RunHalf(cpu);
        Assert.Equal(2, measured.Sum("skip_softmax.launches", "skip_softmax.declaration=Sm90Half", "skip_softmax.backend=gpu", Variant));
        Assert.Equal(1, measured.Sum("skip_softmax.launches", "skip_softmax.declaration=Sm90Half", "skip_softmax.backend=cpu"));
        Assert.Equal(0, measured.Count("skip_softmax.tiles.visited"));
    }

    [Fact]
    public void Tiles_are_counted_where_the_declaration_counts_them()
    {
        using var measured = new Measurements();
        using AttentionContext context = FakeMachine.Context(driver: null, compiler: null, cacheFolder: null);
        HostCall call = HostCall.WithResults();
        // Two key tiles of equal logits: with λ = 2 every head of both sequences skips the second.
        call.KeyShape = new(2, 65, 2, 64);
        (call.KeyStart, call.ValueStart) = (0, 0);
        call.Decisions = new TileDecision[2 * 4 * 2];
        call.Threshold = static () => SkipThreshold.PerSequence(new[] { 2f, 2f });
        call.Run<PerSequenceWithResults>(context);
        string[] tags = ["skip_softmax.declaration=PerSequenceWithResults", "skip_softmax.backend=cpu"];
        Assert.Equal(call.Counters!.Sum(counter => (double)counter.Visited), measured.Sum("skip_softmax.tiles.visited", tags));
        Assert.Equal(call.Counters!.Sum(counter => (double)counter.Skipped), measured.Sum("skip_softmax.tiles.skipped", tags));
        Assert.Equal((16, 8), (measured.Sum("skip_softmax.tiles.visited", tags), measured.Sum("skip_softmax.tiles.skipped", tags)));
    }

    [Fact]
    public void Events_tell_of_each_compilation_lookup_launch_and_warning()
    {
        using var folder = new TemporaryFolder();
        using var heard = new Events();
        using (AttentionContext context = FakeMachine.Context(new FakeDriver(9, 0), new FakeCompiler { Failures = 1 }, folder))
        {
            Assert.Throws<KernelCompilationException>(() => context.Prepare<Sm90Half>());
            RunHalf(context);
        }
        string entry = Path.Combine(folder, Assert.Single(Directory.GetFiles(folder)));
        using (AttentionContext context = FakeMachine.Context(new FakeDriver(9, 0), new FakeCompiler(), folder))
        {
            context.Prepare<Sm90Half>();
        }
        File.WriteAllText(entry, "damaged");
        using (AttentionContext context = FakeMachine.Context(new FakeDriver(9, 0), new FakeCompiler(), folder))
        {
            context.Prepare<Sm90Half>();
        }
        string name = Path.GetFileName(entry);
        Assert.Equal(
            [
                $"CacheMiss {name}", $"KernelRefused {name} sm_90a refused\nthe log", $"CacheMiss {name}", $"KernelCompiled {name} sm_90a", "Launched Sm90Half gpu Sm90_d64_test",
                $"CacheHit {name}",
                $"Warned The cached kernel '{entry}' was damaged; it is deleted and compiled again.", $"CacheMiss {name}", $"KernelCompiled {name} sm_90a",
            ],
            heard.Texts);
    }

    [Fact]
    public void Event_source_is_valid() => Assert.NotNull(EventSource.GenerateManifest(typeof(RuntimeEvents), "", EventManifestOptions.Strict));

    [Fact]
    public void Meter_that_is_not_listened_to_allocates_nothing()
    {
        using AttentionContext context = FakeMachine.Context(new FakeDriver(9, 0), new FakeCompiler(), cacheFolder: null);
        using (new Measurements())
        using (new Events())
        {
            RunDevice(context);
        }
        Assert.Equal(0, Allocations.Of(() => RunDevice(context)));
    }

    private static void RunHalf(AttentionContext context)
    {
        TensorView view = TensorView.Host<Half>(new Half[64], new(1, 1, 1, 64));
        context.Run<Sm90Half>(new AttentionInputs(view, view, view), new AttentionOutput(OutputView.Host<Half>(new Half[64], view.Shape)), SkipThreshold.Fixed(0));
    }

    private static void RunDevice(AttentionContext context)
    {
        TensorView view = TensorView.Device(0x10_0000, ElementType.Float16, new(1, 1, 1, 64));
        context.Run<Sm90Half>(new AttentionInputs(view, view, view), new AttentionOutput(OutputView.Device(0x20_0000, ElementType.Float16, view.Shape)), SkipThreshold.Fixed(0));
    }

    /// <summary>Keeps what the meter measures.</summary>
    private sealed class Measurements : IDisposable
    {
        private readonly MeterListener listener = new();
        private readonly List<(string Instrument, string[] Tags, double Value)> all = [];

        public Measurements()
        {
            listener.InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == Telemetry.MeterName)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
            listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
            listener.Start();
        }

        public int Recorded => all.Count;

        public double Sum(string instrument, params string[] tags) => Matching(instrument, tags).Sum(measurement => measurement.Value);

        public int Count(string instrument, params string[] tags) => Matching(instrument, tags).Count();

        public void Dispose() => listener.Dispose();

        private IEnumerable<(string Instrument, string[] Tags, double Value)> Matching(string instrument, string[] tags) =>
            all.Where(measurement => measurement.Instrument == instrument && measurement.Tags.SequenceEqual(tags));

        private void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            lock (all)
            {
                all.Add((instrument.Name, [.. tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}")], value));
            }
        }
    }

    /// <summary>Keeps the events, without times.</summary>
    private sealed class Events : EventListener
    {
        private readonly List<string> texts = [];

        public string[] Texts
        {
            get
            {
                lock (texts)
                {
                    return [.. texts];
                }
            }
        }

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == RuntimeEvents.SourceName)
            {
                EnableEvents(eventSource, EventLevel.Verbose);
            }
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            // Null while the base class is constructed.
            if (eventData.EventSource.Name == RuntimeEvents.SourceName && texts is not null)
            {
                lock (texts)
                {
                    texts.Add($"{eventData.EventName} {string.Join(" ", eventData.Payload!.Where(value => value is not double))}");
                }
            }
        }
    }
}
