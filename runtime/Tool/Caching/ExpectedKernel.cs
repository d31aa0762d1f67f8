using System.Text;
using SkipSoftmax.Caching;
using SkipSoftmax.Compilation;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Dispatch;
using SkipSoftmax.Tool.Declarations;

namespace SkipSoftmax.Tool.Caching;

/// <summary>A kernel for one architecture, as an application with these declarations would look for it in its cache.</summary>
internal sealed record ExpectedKernel(string Declaration, GpuKernel Kernel, string Text, string Architecture)
{
    /// <summary>What stays the same from one compiler to the next, in the name of its entry.</summary>
    public string TextHash { get; } = KernelKey.HashText(Encoding.UTF8.GetBytes(Text), KernelCompiler.OptionsFor(Architecture));

    /// <summary>Each kernel for each architecture of its target.</summary>
    public static IEnumerable<ExpectedKernel> Of(IEnumerable<Declaration> declarations) =>
        from declaration in declarations
        from kernel in declaration.Kernels
        from architecture in GpuArchitecture.Of(kernel.Kernel.Target)
        select new ExpectedKernel(declaration.Specification.Name, kernel.Kernel, kernel.Text, architecture.Name);
}
