namespace SkipSoftmax;

/// <summary>Which part of inference an attention kernel serves.</summary>
public enum AttentionPhase
{
    /// <summary>Many query tokens at once (a prompt): bound by arithmetic.</summary>
    Prefill = 0,

    /// <summary>One new query token, or a few speculative ones, against a long cache: bound by memory.</summary>
    Decode = 1,
}
