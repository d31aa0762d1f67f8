using SkipSoftmax.Dispatch;

namespace SkipSoftmax.Tests;

/// <summary>Contexts on machines that this one is not, with a cache folder of their own.</summary>
internal static class FakeMachine
{
    public static AttentionContext Context(FakeDriver? driver, FakeCompiler? compiler, string? cacheFolder, BackendPolicy policy = BackendPolicy.Auto, int ordinal = 0) => new(
        // A path below /dev/null is no folder: nothing is kept where a test names none.
        new() { Policy = policy, DeviceOrdinal = ordinal, CacheDirectory = cacheFolder ?? "/dev/null/none" },
        () => driver is null ? new(null, "No CUDA driver here.", null, []) : DriverSurvey.Of(driver),
        _ => compiler is null ? new(null, "No NVRTC here.") : new(compiler, "NVRTC 13.0 here."));
}
