namespace SkipSoftmax.Mutation;

internal enum Outcome
{
    /// <summary>Something showed that the kernel is wrong.</summary>
    Killed,

    /// <summary>Nothing did.</summary>
    Survived,

    /// <summary>The generator or the compiler refuses it.</summary>
    Uncompilable,

    /// <summary>It could not be tried: something is wrong with the run, not with the mutant.</summary>
    NotTried,
}

/// <summary>What became of a mutant.</summary>
/// <param name="Outcome">In a word.</param>
/// <param name="By">What killed it: the kind of evidence.</param>
/// <param name="Message">What was said.</param>
/// <param name="Seconds">From the first compilation on.</param>
internal sealed record Verdict(Outcome Outcome, string By, string Message, double Seconds);
