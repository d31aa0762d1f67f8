extern alias generator;
using System.Reflection;
using System.Runtime.Loader;
using System.Text;
using generator::SkipSoftmax.Generator;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Simulation;

/// <summary>C# source with declarations, compiled with the generator as a user's build does; what it emitted is read back from the descriptors.</summary>
internal static class DeclarationSource
{
    private const string ImplicitUsings = "global using System; global using System.Collections.Generic; global using System.Linq;";

    /// <summary>The kernels of the source's declarations, in the order of their names.</summary>
    /// <param name="name">Of the file, for messages.</param>
    /// <param name="source">A whole file; <c>using SkipSoftmax</c> and the SDK's implicit usings are added.</param>
    /// <exception cref="DeclarationException">It does not compile, declares nothing, or nothing for a GPU.</exception>
    public static IReadOnlyList<EmittedKernel> ReadKernels(string name, string source)
    {
        Type[] descriptors = [.. Load(name, source).GetTypes().Where(type => type.IsAssignableTo(typeof(IAttentionDescriptor))).OrderBy(type => type.FullName, StringComparer.Ordinal)];
        if (descriptors.Length == 0)
        {
            throw new DeclarationException($"{name} declares no method with [SkipSoftmaxAttention]: see docs/declaration.md.");
        }
        MethodInfo read = typeof(DeclarationSource).GetMethod(nameof(ReadDescriptor), BindingFlags.NonPublic | BindingFlags.Static)!;
        EmittedKernel[] kernels = [.. descriptors.SelectMany(descriptor => (IEnumerable<EmittedKernel>)read.MakeGenericMethod(descriptor).Invoke(null, null)!)];
        return kernels.Length > 0
            ? kernels
            : throw new DeclarationException($"{name} declares no GPU kernel: add Targets = GpuTargets.Sm90 or GpuTargets.Sm100.");
    }

    private static EmittedKernel[] ReadDescriptor<T>() where T : IAttentionDescriptor =>
    [
        .. T.Kernels.Select((kernel, index) => new EmittedKernel(T.Specification with { Targets = kernel.Target }, kernel, Encoding.UTF8.GetString(T.GetKernelText(index)))),
    ];

    private static Assembly Load(string name, string source)
    {
        CSharpParseOptions options = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest);
        CSharpCompilation compilation = CSharpCompilation.Create(
            $"Declarations.{Guid.NewGuid():N}",
            [
                CSharpSyntaxTree.ParseText(source, options, path: name),
                CSharpSyntaxTree.ParseText($"{ImplicitUsings} global using SkipSoftmax;", options),
            ],
            References(),
            new(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        CSharpGeneratorDriver.Create([new SkipSoftmaxGenerator().AsSourceGenerator()], parseOptions: options)
            .RunGeneratorsAndUpdateCompilation(compilation, out Microsoft.CodeAnalysis.Compilation generated, out var reported);
        using MemoryStream image = new();
        Diagnostic[] errors = [.. reported.Concat(generated.Emit(image).Diagnostics).Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
        if (errors.Length > 0)
        {
            throw new DeclarationException(string.Join(Environment.NewLine, errors.Select(error => error.ToString())));
        }
        image.Position = 0;
        return AssemblyLoadContext.Default.LoadFromStream(image);
    }

    /// <summary>The framework this process runs on, and the runtime library.</summary>
    private static IEnumerable<MetadataReference> References()
    {
        string framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string trusted = (string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!;
        return trusted.Split(Path.PathSeparator).Where(path => Path.GetDirectoryName(path) == framework).Append(typeof(AttentionContext).Assembly.Location)
            .Select(path => MetadataReference.CreateFromFile(path));
    }
}

/// <summary>A user's source cannot be simulated; the message says why and what to change.</summary>
internal sealed class DeclarationException(string message) : Exception(message);
