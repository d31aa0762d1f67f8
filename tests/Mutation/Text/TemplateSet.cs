using System.Text.RegularExpressions;

namespace SkipSoftmax.Mutation;

/// <summary>A kernel's templates: those above the instruction layer, which are mutated, and the layer, whose declarations say what a call is.</summary>
internal sealed partial class TemplateSet
{
    private const string InstructionLayer = "templates/ptx/";
    private const string Constants = "templates/constants/";

    /// <param name="files">All templates by path.</param>
    /// <param name="root">The kernel's.</param>
    /// <exception cref="ArgumentException">There is no such template.</exception>
    public TemplateSet(IReadOnlyDictionary<string, string> files, string root)
    {
        List<string> paths = [];
        Gather(files, root, paths);
        // Constants are the generator's to choose.
        Mutable = [.. paths.Where(path => !IsInstruction(path) && !path.StartsWith(Constants, StringComparison.Ordinal)).Select(path => new TemplateFile(path, files[path]))];
        Instructions = [.. paths.Where(IsInstruction).Select(path => new TemplateFile(path, files[path])).SelectMany(file => file.Functions).DistinctBy(function => (function.Scope, function.Name))];
    }

    /// <summary>The kernel and everything it includes above the instruction layer.</summary>
    public IReadOnlyList<TemplateFile> Mutable { get; }

    /// <summary>Functions of the instruction layer.</summary>
    public IReadOnlyList<Function> Instructions { get; }

    /// <summary>The instruction that this calls, or null.</summary>
    public Function? InstructionOf(Call call) => call.IsMember ? null : Instructions.FirstOrDefault(function => function.Name == call.Name);

    /// <summary>The functions of the templates that this may call: of that name, with as many parameters; default arguments and types are not known.</summary>
    public IEnumerable<(TemplateFile File, Function Function)> Definitions(Call call) =>
        from file in Mutable
        from function in file.Functions
        where function.Name == call.Name && function.Parameters.Count == call.Arguments.Count
        select (file, function);

    /// <summary>Of whatever this calls; none where it is not known.</summary>
    public IReadOnlyList<Parameter> ParametersOf(Call call) =>
        (InstructionOf(call) ?? Definitions(call).Select(definition => definition.Function).FirstOrDefault())?.Parameters ?? [];

    private static bool IsInstruction(string path) => path.StartsWith(InstructionLayer, StringComparison.Ordinal);

    private static void Gather(IReadOnlyDictionary<string, string> files, string path, List<string> paths)
    {
        if (paths.Contains(path))
        {
            return;
        }
        if (!files.TryGetValue(path, out string? text))
        {
            throw new ArgumentException($"There is no template {path}: name one of {string.Join(", ", files.Keys.Order(StringComparer.Ordinal))}.", nameof(path));
        }
        paths.Add(path);
        foreach (Match include in Include().Matches(text))
        {
            Uri resolved = new(new Uri($"file:///{path}"), include.Groups["path"].Value);
            Gather(files, resolved.AbsolutePath[1..], paths);
        }
    }

    [GeneratedRegex("""^#include "(?<path>[^"]+)"$""", RegexOptions.Multiline)]
    private static partial Regex Include();
}
