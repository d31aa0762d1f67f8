using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>
/// Device memory that decode launches of one stream use one after the other: parts of heads, in words that bear the number of their launch, so that what an
/// earlier one left is not taken for this one's; and what CTAs meet in: a count of the launches, and two sets of words, used by turns. All of it is zero when
/// it is new. It grows outside of captures only, and what it outgrows is kept: graphs may hold it.
/// </summary>
internal sealed class DecodeWorkspace(ICudaDriver driver, nint stream)
{
    private const long Alignment = 256;

    private readonly List<nint> blocks = [];
    private long partialBytes;
    private Memory memory;

    /// <summary>Memory for a launch. The device must be entered, and calls must not overlap.</summary>
    /// <param name="partialsNeeded">Bytes for parts.</param>
    /// <param name="meetingWordsNeeded">Words of a set.</param>
    /// <exception cref="InvalidOperationException">The workspace is too small, and the stream is being captured.</exception>
    public Memory Take(long partialsNeeded, int meetingWordsNeeded)
    {
        if (partialsNeeded > partialBytes || meetingWordsNeeded > memory.MeetingWords)
        {
            driver.Require(driver.StreamIsCapturing(stream, out CudaCaptureStatus status), "cuStreamIsCapturing");
            if (status != CudaCaptureStatus.None)
            {
                throw new InvalidOperationException(
                    $"This decode needs {partialsNeeded + MeetingBytes(meetingWordsNeeded)} bytes of workspace, {partialBytes + MeetingBytes(memory.MeetingWords)} are there, and none can be allocated while the stream is captured: "
                    + "run it once on this stream with the same batch and heads before the capture.");
            }
            Grow(partialsNeeded, meetingWordsNeeded);
        }
        return memory;
    }

    /// <summary>Frees it; the device must be entered.</summary>
    public void Free() => blocks.ForEach(block => driver.MemFree(block));

    private void Grow(long partialsNeeded, int meetingWordsNeeded)
    {
        // Doubled, so that a slowly growing batch leaves few blocks behind.
        long partials = Math.Max(partialBytes, (partialsNeeded + Alignment - 1) / Alignment * Alignment);
        int words = meetingWordsNeeded > memory.MeetingWords ? Math.Max(2 * memory.MeetingWords, meetingWordsNeeded) : memory.MeetingWords;
        nuint bytes = (nuint)(partials + MeetingBytes(words));
        driver.Require(driver.MemAlloc(out nint block, bytes), "cuMemAlloc");
        blocks.Add(block);
        driver.Require(driver.MemsetD8Async(block, 0, bytes, stream), "cuMemsetD8Async");
        (partialBytes, memory) = (partials, new(block, block + (nint)partials, words));
    }

    private static long MeetingBytes(int words) => sizeof(ulong) * (1 + (2L * words));

    /// <param name="Partials">Parts of heads.</param>
    /// <param name="Meetings">The count of launches, then both sets.</param>
    /// <param name="MeetingWords">64-bit words of a set. Launches that use the same memory must agree on it.</param>
    internal readonly record struct Memory(nint Partials, nint Meetings, int MeetingWords);
}

/// <summary>The workspace of each stream of a device, since launches of different streams may run at the same time.</summary>
internal sealed class DecodeWorkspaces(ICudaDriver driver)
{
    private readonly Lock taking = new();
    private readonly Dictionary<nint, DecodeWorkspace> byStream = [];

    /// <inheritdoc cref="DecodeWorkspace.Take"/>
    public DecodeWorkspace.Memory Take(nint stream, long partialsNeeded, int meetingWordsNeeded)
    {
        lock (taking)
        {
            if (!byStream.TryGetValue(stream, out DecodeWorkspace? workspace))
            {
                byStream.Add(stream, workspace = new(driver, stream));
            }
            return workspace.Take(partialsNeeded, meetingWordsNeeded);
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
