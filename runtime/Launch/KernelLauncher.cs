using SkipSoftmax.Arguments;

namespace SkipSoftmax.Launch;

/// <summary>Launches a kernel by the way of its phase.</summary>
internal static class KernelLauncher
{
    public static void Launch(LoadedKernel kernel, in AttentionProblem problem)
    {
        if (problem.Specification.Phase == AttentionPhase.Decode)
        {
            DecodeLauncher.Launch(kernel, problem);
        }
        else
        {
            PrefillLauncher.Launch(kernel, problem);
        }
    }
}
