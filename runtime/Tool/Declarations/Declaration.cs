using System.Reflection;
using System.Text;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Tool.Declarations;

/// <summary>A declared method as its emitted descriptor tells it.</summary>
/// <param name="Specification">What the declaration fixed.</param>
/// <param name="Kernels">The kernels emitted for it.</param>
internal sealed record Declaration(AttentionSpecification Specification, IReadOnlyList<DeclaredKernel> Kernels)
{
    private static readonly MethodInfo read = typeof(Declaration).GetMethod(nameof(ReadDescriptor), BindingFlags.NonPublic | BindingFlags.Static)!;

    /// <summary>The declarations of an assembly, in the order of their names.</summary>
    /// <exception cref="DeclarationException">It has none, or was built with a version of the library whose descriptors differ.</exception>
    public static IReadOnlyList<Declaration> ReadAll(Assembly assembly, string name)
    {
        AssemblyName own = typeof(AttentionContext).Assembly.GetName();
        if (assembly.GetReferencedAssemblies().FirstOrDefault(reference => reference.Name == own.Name)?.Version is Version version && version > own.Version)
        {
            throw new DeclarationException($"{name} was built with {own.Name} {version.ToString(3)}, which is newer than {own.Version!.ToString(3)} here: use the tool of that version.");
        }
        Type[] descriptors = [.. TypesOf(assembly).Where(type => type.IsAssignableTo(typeof(IAttentionDescriptor))).OrderBy(type => type.FullName, StringComparer.Ordinal)];
        if (descriptors.Length == 0)
        {
            throw new DeclarationException($"{name} declares no method with [SkipSoftmaxAttention]: see docs/declaration.md.");
        }
        try
        {
            return [.. descriptors.Select(descriptor => (Declaration)read.MakeGenericMethod(descriptor).Invoke(null, null)!)];
        }
        catch (Exception exception) when (exception is TypeLoadException or MissingMemberException or TargetInvocationException)
        {
            throw new DeclarationException(
                $"{name} was built with a version of {own.Name} whose descriptors {own.Version!.ToString(3)} here can't read: use the tool of that version. "
                + (exception.InnerException ?? exception).Message);
        }
    }

    private static Declaration ReadDescriptor<T>() where T : IAttentionDescriptor => new(
        T.Specification,
        [.. T.Kernels.Select((kernel, index) => new DeclaredKernel(kernel, Encoding.UTF8.GetString(T.GetKernelText(index))))]);

    /// <summary>Those that can be loaded: types that need an assembly which is not there hold no declaration of use.</summary>
    private static IEnumerable<Type> TypesOf(Assembly assembly)
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException exception)
        {
            return exception.Types.OfType<Type>();
        }
    }
}

/// <summary>An emitted kernel and its CUDA C++ text.</summary>
internal sealed record DeclaredKernel(GpuKernel Kernel, string Text);
