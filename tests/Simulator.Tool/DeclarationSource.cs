using SkipSoftmax.Tool.Declarations;

namespace SkipSoftmax.Simulation;

/// <summary>C# source with declarations, compiled with the generator as a user's build does; what it emitted is read back from the descriptors.</summary>
internal static class DeclarationSource
{
    /// <summary>The kernels of the source's declarations for SM90, in the order of their names.</summary>
    /// <param name="name">Of the file, for messages.</param>
    /// <param name="source">A whole file; <c>using SkipSoftmax</c> and the SDK's implicit usings are added.</param>
    /// <exception cref="DeclarationException">It does not compile, declares nothing, or nothing for SM90.</exception>
    public static IReadOnlyList<EmittedKernel> ReadKernels(string name, string source)
    {
        EmittedKernel[] kernels =
        [
            .. from declaration in Declaration.ReadAll(DeclarationCompiler.Load((name, source)), name)
               from kernel in declaration.Kernels
               where kernel.Kernel.Target == GpuTargets.Sm90
               select new EmittedKernel(declaration.Specification, kernel.Kernel, kernel.Text),
        ];
        return kernels.Length > 0
            ? kernels
            : throw new DeclarationException($"{name} declares no kernel for SM90, which is what the simulator runs: add Targets = GpuTargets.Sm90.");
    }
}
