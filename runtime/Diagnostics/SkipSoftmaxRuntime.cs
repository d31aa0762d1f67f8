namespace SkipSoftmax;

/// <summary>Answers about the machine that need no declared kernel.</summary>
public static class SkipSoftmaxRuntime
{
    /// <summary>Reports devices, driver, NVRTC, cache folder and CPU as a context with these options would find them. Nothing that is
    /// absent is an error; the cache folder is made where it is missing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option has a value that can't be.</exception>
    public static RuntimeDescription Describe(AttentionOptions? options = null)
    {
        using var context = new AttentionContext(options);
        return context.Describe();
    }
}
