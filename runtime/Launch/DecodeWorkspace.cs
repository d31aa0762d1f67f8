using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>
/// Device memory that decode launches of one stream use one after the other: parts of heads, and how many of them have arrived, which is zero between
/// launches. It grows outside of captures only, and what it outgrows is kept: graphs may hold it.
/// </summary>
internal sealed class DecodeWorkspace(ICudaDriver driver, nint stream)
{
    private const long Alignment = 256;

    private readonly List<nint> blocks = [];
    private long partialBytes;
    private long arrivalBytes;
    private nint partials;

    /// <summary>Memory for a launch. The device must be entered, and calls must not overlap.</summary>
    /// <param name="partialsNeeded">Bytes for parts.</param>
    /// <param name="arrivalsNeeded">Bytes for arrivals.</param>
    /// <exception cref="InvalidOperationException">The workspace is too small, and the stream is being captured.</exception>
    public (nint Partials, nint Arrivals) Take(long partialsNeeded, long arrivalsNeeded)
    {
        if (partialsNeeded > partialBytes || arrivalsNeeded > arrivalBytes)
        {
            driver.Require(driver.StreamIsCapturing(stream, out CudaCaptureStatus status), "cuStreamIsCapturing");
            if (status != CudaCaptureStatus.None)
            {
                throw new InvalidOperationException(
                    $"This decode needs {partialsNeeded + arrivalsNeeded} bytes of workspace, {partialBytes + arrivalBytes} are there, and none can be allocated while the stream is captured: "
                    + "run it once on this stream with the same batch and heads before the capture.");
            }
            Grow(partialsNeeded, arrivalsNeeded);
        }
        return (partials, partials + (nint)partialBytes);
    }

    /// <summary>Frees it; the device must be entered.</summary>
    public void Free() => blocks.ForEach(block => driver.MemFree(block));

    private void Grow(long partialsNeeded, long arrivalsNeeded)
    {
        // Doubled, so that a slowly growing batch leaves few blocks behind.
        long newPartials = Math.Max(partialBytes, RoundUp(partialsNeeded));
        long newArrivals = arrivalsNeeded > arrivalBytes ? Math.Max(2 * arrivalBytes, RoundUp(arrivalsNeeded)) : arrivalBytes;
        driver.Require(driver.MemAlloc(out nint block, (nuint)(newPartials + newArrivals)), "cuMemAlloc");
        blocks.Add(block);
        driver.Require(driver.MemsetD8Async(block + (nint)newPartials, 0, (nuint)newArrivals, stream), "cuMemsetD8Async");
        (partials, partialBytes, arrivalBytes) = (block, newPartials, newArrivals);
    }

    private static long RoundUp(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}

/// <summary>The workspace of each stream of a device, since launches of different streams may run at the same time.</summary>
internal sealed class DecodeWorkspaces(ICudaDriver driver)
{
    private readonly Lock taking = new();
    private readonly Dictionary<nint, DecodeWorkspace> byStream = [];

    /// <inheritdoc cref="DecodeWorkspace.Take"/>
    public (nint Partials, nint Arrivals) Take(nint stream, long partialsNeeded, long arrivalsNeeded)
    {
        lock (taking)
        {
            if (!byStream.TryGetValue(stream, out DecodeWorkspace? workspace))
            {
                byStream.Add(stream, workspace = new(driver, stream));
            }
            return workspace.Take(partialsNeeded, arrivalsNeeded);
        }
    }

    /// <summary>Frees them all; the device must be entered, and no launch in flight.</summary>
    public void Free()
    {
        foreach (DecodeWorkspace workspace in byStream.Values)
        {
            workspace.Free();
        }
    }
}
