namespace SkipSoftmax.Diagnostics;

/// <summary>What went wrong without failing a call: passed on as it happens, and kept for <see cref="AttentionContext.Describe"/>. Thread-safe.</summary>
internal sealed class Warnings(Action<string>? listener)
{
    /// <summary>Later ones are passed on but not kept, so that a fault that repeats can't fill the memory.</summary>
    private const int Kept = 100;

    private readonly Lock gate = new();
    private readonly List<string> messages = [];

    public void Add(string message)
    {
        lock (gate)
        {
            if (messages.Count < Kept)
            {
                messages.Add(message);
            }
        }
        RuntimeEvents.Log.Warned(message);
        listener?.Invoke(message);
    }

    public IReadOnlyList<string> ToList()
    {
        lock (gate)
        {
            return [.. messages];
        }
    }
}
