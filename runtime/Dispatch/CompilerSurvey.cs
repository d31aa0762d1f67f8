using SkipSoftmax.Compilation;

namespace SkipSoftmax.Dispatch;

/// <summary>Whether kernels can be compiled.</summary>
/// <param name="Compiler">Null where NVRTC is absent.</param>
/// <param name="State">What was found and where, for people.</param>
internal sealed record CompilerSurvey(IKernelCompiler? Compiler, string State)
{
    /// <summary>Looks for NVRTC at a path, or in the usual places.</summary>
    public static CompilerSurvey OfInstalled(string? path)
    {
        (KernelCompiler? compiler, string state) = KernelCompiler.Find(path);
        return new(compiler, state);
    }
}
