using System.Diagnostics.Tracing;

namespace SkipSoftmax.Diagnostics;

/// <summary>The event source <c>SkipSoftmax-Gen</c>: the same as <see cref="Telemetry"/> measures, one by one, and warnings.</summary>
[EventSource(Name = SourceName)]
internal sealed class RuntimeEvents : EventSource
{
    public const string SourceName = "SkipSoftmax-Gen";

    private RuntimeEvents()
    {
    }

    public static RuntimeEvents Log { get; } = new();

    [Event(1, Level = EventLevel.Informational, Keywords = Keywords.Kernels, Message = "{0} was compiled for {1} in {2} ms.")]
    public void KernelCompiled(string entry, string architecture, double milliseconds)
    {
        if (IsEnabled(EventLevel.Informational, Keywords.Kernels))
        {
            WriteEvent(1, new EventSourcePrimitive[] { entry, architecture, milliseconds });
        }
    }

    [Event(2, Level = EventLevel.Error, Keywords = Keywords.Kernels, Message = "{0} was refused for {1}: {2}")]
    public void KernelRefused(string entry, string architecture, string error) => WriteEvent(2, entry, architecture, error);

    [Event(3, Level = EventLevel.Informational, Keywords = Keywords.Kernels, Message = "{0} was found in the cache folder.")]
    public void CacheHit(string entry) => WriteEvent(3, entry);

    [Event(4, Level = EventLevel.Informational, Keywords = Keywords.Kernels, Message = "{0} was not found in the cache folder.")]
    public void CacheMiss(string entry) => WriteEvent(4, entry);

    [Event(5, Level = EventLevel.Verbose, Keywords = Keywords.Runs, Message = "{0} was launched: {1} {2}")]
    public void Launched(string declaration, string backend, string variant) => WriteEvent(5, declaration, backend, variant);

    [Event(6, Level = EventLevel.Verbose, Keywords = Keywords.Runs, Message = "{0} visited {1} tiles and skipped {2}.")]
    public void TilesCounted(string declaration, long visited, long skipped)
    {
        if (IsEnabled(EventLevel.Verbose, Keywords.Runs))
        {
            WriteEvent(6, new EventSourcePrimitive[] { declaration, visited, skipped });
        }
    }

    [Event(7, Level = EventLevel.Warning, Keywords = Keywords.Warnings, Message = "{0}")]
    public void Warned(string message) => WriteEvent(7, message);

    /// <summary>What can be listened to apart from the rest.</summary>
    public static class Keywords
    {
        public const EventKeywords Kernels = (EventKeywords)1;
        public const EventKeywords Runs = (EventKeywords)2;
        public const EventKeywords Warnings = (EventKeywords)4;
    }
}
