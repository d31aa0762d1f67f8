using SkipSoftmax.Tool.Declarations;

namespace SkipSoftmax.Simulation;

/// <summary>C# source with declarations, compiled with the generator as a user's build does; what it emitted is read back from the descriptors.</summary>
internal static class DeclarationSource
{
    /// <summary>The kernels of the source's declarations, in the order of their names.</summary>
    /// <param name="name">Of the file, for messages.</param>
    /// <param name="source">A whole file; <c>using SkipSoftmax</c> and the SDK's implicit usings are added.</param>
    /// <exception cref="DeclarationException">It does not compile, declares nothing, or nothing for a GPU.</exception>
    public static IReadOnlyList<EmittedKernel> ReadKernels(string name, string source)
    {
        EmittedKernel[] kernels =
        [
            .. from declaration in Declaration.ReadAll(DeclarationCompiler.Load((name, source)), name)
               from kernel in declaration.Kernels
               select new EmittedKernel(declaration.Specification with { Targets = kernel.Kernel.Target }, kernel.Kernel, kernel.Text),
        ];
        return kernels.Length > 0
            ? kernels
            : throw new DeclarationException($"{name} declares no GPU kernel: add Targets = GpuTargets.Sm90 or GpuTargets.Sm100.");
    }
}
