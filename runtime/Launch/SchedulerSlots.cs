using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>
/// The scheduler words of launches, one each, on the device. A launch takes the next slot and its kernel leaves it zeroed, so slots go round;
/// a captured launch keeps its slot for good, because its graph may be replayed at any time.
/// </summary>
internal sealed class SchedulerSlots : IDisposable
{
    public const int SlotBytes = sizeof(uint);

    /// <summary>Launches in flight at one time on one device: far more than the driver queues.</summary>
    public const int RotatingSlots = 65_536;

    /// <summary>Captured launches of one context.</summary>
    public const int CapturedSlots = 65_536;

    private readonly ICudaDriver driver;
    private readonly nint memory;
    private uint rotating;
    private int captured;

    /// <summary>Allocates and zeroes the slots; the device's context must be current, and no capture active.</summary>
    public SchedulerSlots(ICudaDriver driver)
    {
        this.driver = driver;
        const int bytes = (RotatingSlots + CapturedSlots) * SlotBytes;
        driver.Require(driver.MemAlloc(out memory, bytes), "cuMemAlloc");
        driver.Require(driver.MemsetD8Async(memory, 0, bytes, 0), "cuMemsetD8Async");
        driver.Require(driver.StreamSynchronize(0), "cuStreamSynchronize");
    }

    /// <exception cref="InvalidOperationException">All slots of captured launches are taken.</exception>
    public nint Take(bool capturing)
    {
        if (!capturing)
        {
            return memory + (nint)((Interlocked.Increment(ref rotating) - 1) % RotatingSlots * SlotBytes);
        }
        int slot = Interlocked.Increment(ref captured) - 1;
        if ((uint)slot >= CapturedSlots)
        {
            Interlocked.Decrement(ref captured);
            throw new InvalidOperationException(
                $"{CapturedSlots} launches of this context were captured into CUDA graphs, which is the limit: capture fewer, or dispose the context with its graphs and make a new one.");
        }
        return memory + ((RotatingSlots + slot) * SlotBytes);
    }

    /// <summary>Frees the slots; the device's context must be current.</summary>
    public void Dispose() => driver.MemFree(memory);
}
