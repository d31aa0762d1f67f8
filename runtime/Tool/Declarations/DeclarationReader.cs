using System.Diagnostics;
using System.Reflection;
using System.Runtime.Loader;
using SkipSoftmax.Tool.CommandLine;

namespace SkipSoftmax.Tool.Declarations;

/// <summary>Declarations of an assembly, of a project, which is built, or of C# files.</summary>
internal static class DeclarationReader
{
    /// <summary>For the help of commands that take one.</summary>
    public const string SourceDescription = "An assembly (.dll), a project (.csproj, or a folder that holds one), which is built, or a C# file with declarations.";

    /// <exception cref="ToolException">There is nothing there to read, or it does not build.</exception>
    public static IReadOnlyList<Declaration> Read(string path, Terminal terminal)
    {
        try
        {
            return Declaration.ReadAll(Load(path, terminal), path);
        }
        catch (DeclarationException exception)
        {
            throw new ToolException(ExitCode.Misused, exception.Message);
        }
    }

    private static Assembly Load(string path, Terminal terminal) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        _ when Directory.Exists(path) => LoadAssembly(Build(ProjectIn(path), terminal)),
        _ when !File.Exists(path) => throw new ToolException(ExitCode.Misused, $"There is no file or folder '{path}': {SourceDescription}"),
        ".DLL" or ".EXE" => LoadAssembly(path),
        ".CSPROJ" => LoadAssembly(Build(path, terminal)),
        ".CS" => terminal.Wait($"Compiling {Path.GetFileName(path)}", () => DeclarationCompiler.Load((path, File.ReadAllText(path)))),
        _ => throw new ToolException(ExitCode.Misused, $"'{path}' is none of what can be read: {SourceDescription}"),
    };

    private static string ProjectIn(string folder) => Directory.GetFiles(folder, "*.csproj") switch
    {
        [string project] => project,
        [] => throw new ToolException(ExitCode.Misused, $"The folder '{folder}' holds no .csproj: name a project or an assembly."),
        _ => throw new ToolException(ExitCode.Misused, $"The folder '{folder}' holds several projects: name one of them."),
    };

    /// <summary>The path of the built assembly.</summary>
    private static string Build(string project, Terminal terminal)
    {
        Run($"Building {Path.GetFileName(project)}", "build", project, "--configuration", "Release", "--verbosity", "quiet");
        string path = Run($"Reading {Path.GetFileName(project)}", "msbuild", project, "-property:Configuration=Release", "-getProperty:TargetPath").Trim();
        return path.Length > 0 ? path : throw new ToolException(ExitCode.Misused, $"{project} is built for several frameworks: name one of the assemblies.");

        string Run(string what, params string[] words) => terminal.Wait(what, () =>
        {
            // No process may outlive the command and hold its output open.
            ProcessStartInfo start = new("dotnet", [.. words, "-maxCpuCount:1", "-nodeReuse:false", "-nologo"]) { RedirectStandardOutput = true, RedirectStandardError = true };
            // What MSBuild sets for the programs that it runs is not for another build.
            foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            {
                start.Environment.Remove(name);
            }
            using Process process = Process.Start(start)!;
            Task<string> complaints = process.StandardError.ReadToEndAsync();
            string answer = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? answer : throw new ToolException(ExitCode.Misused, $"{project} does not build:{Environment.NewLine}{answer}{complaints.Result}");
        });
    }

    private static Assembly LoadAssembly(string path)
    {
        string full = Path.GetFullPath(path);
        AssemblyDependencyResolver dependencies = new(full);
        AssemblyLoadContext context = new(Path.GetFileName(full));
        // The library is the tool's own, so that descriptors are of the types known here.
        context.Resolving += (_, name) => name.Name != typeof(AttentionContext).Assembly.GetName().Name && dependencies.ResolveAssemblyToPath(name) is string dependency
            ? context.LoadFromAssemblyPath(dependency)
            : null;
        try
        {
            return context.LoadFromAssemblyPath(full);
        }
        catch (Exception exception) when (exception is BadImageFormatException or FileLoadException)
        {
            throw new ToolException(ExitCode.Misused, $"'{path}' is no .NET assembly that can be loaded: {exception.Message}");
        }
    }
}
