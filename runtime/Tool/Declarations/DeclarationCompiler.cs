extern alias generator;
using System.Reflection;
using System.Runtime.Loader;
using generator::SkipSoftmax.Generator;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace SkipSoftmax.Tool.Declarations;

/// <summary>C# source with declarations, compiled with the generator as a user's build does.</summary>
internal static class DeclarationCompiler
{
    private const string ImplicitUsings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Threading;
        global using System.Threading.Tasks; global using SkipSoftmax;
        """;

    /// <summary>The loaded assembly; <c>using SkipSoftmax</c> and the SDK's implicit usings are added to its source.</summary>
    /// <param name="sources">Names, for messages, and whole files.</param>
    /// <exception cref="DeclarationException">It does not compile.</exception>
    public static Assembly Load(params IReadOnlyList<(string Name, string Text)> sources)
    {
        using MemoryStream image = new();
        Compile(sources, OutputKind.DynamicallyLinkedLibrary, image);
        image.Position = 0;
        return AssemblyLoadContext.Default.LoadFromStream(image);
    }

    /// <summary>Compiles and writes the assembly.</summary>
    /// <exception cref="DeclarationException">It does not compile.</exception>
    public static void Compile(IReadOnlyList<(string Name, string Text)> sources, OutputKind kind, Stream image)
    {
        CSharpParseOptions options = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest);
        CSharpCompilation compilation = CSharpCompilation.Create(
            $"Declarations.{Guid.NewGuid():N}",
            [.. sources.Append((Name: "ImplicitUsings.cs", Text: ImplicitUsings)).Select(source => CSharpSyntaxTree.ParseText(source.Text, options, path: source.Name))],
            References(),
            new(kind, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        CSharpGeneratorDriver.Create([new SkipSoftmaxGenerator().AsSourceGenerator()], parseOptions: options)
            .RunGeneratorsAndUpdateCompilation(compilation, out Microsoft.CodeAnalysis.Compilation generated, out var reported);
        Diagnostic[] errors = [.. reported.Concat(generated.Emit(image).Diagnostics).Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
        if (errors.Length > 0)
        {
            throw new DeclarationException(string.Join(Environment.NewLine, errors.Select(error => error.ToString())));
        }
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

/// <summary>A source or assembly gives no declarations that can be used; the message says why and what to change.</summary>
internal sealed class DeclarationException(string message) : Exception(message);
