namespace SkipSoftmax;

/// <summary>Owns what declared kernels run with: the device, the loaded kernels, the CPU threads. Thread-safe.</summary>
public sealed partial class AttentionContext
{
    /// <summary>Makes a context; nothing is loaded until it is needed.</summary>
    public AttentionContext(AttentionOptions? options = null) => Options = options ?? new();

    /// <summary>The options it was made with.</summary>
    public AttentionOptions Options { get; }
}
