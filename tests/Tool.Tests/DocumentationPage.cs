using System.Text.RegularExpressions;

namespace SkipSoftmax.Tool.Tests;

/// <summary>A page of the repository as its readers use it: snippets, commands, links, tables.</summary>
/// <remarks>
/// A C# snippet is types, members of a class <c>LlamaAttention</c>, or statements. What statements take for granted stands in a comment before them, <c>given:</c> and
/// the parameters of a method around them. All snippets of a page make one program.
/// </remarks>
internal sealed partial record DocumentationPage(string Path)
{
    public static string Root { get; } = FindRoot();

    /// <summary>README.md and docs/, relative to the repository.</summary>
    public static IEnumerable<string> Paths => Directory.GetFiles(System.IO.Path.Combine(Root, "docs"), "*.md").Append(System.IO.Path.Combine(Root, "README.md"))
        .Select(path => System.IO.Path.GetRelativePath(Root, path).Replace('\\', '/')).Order(StringComparer.Ordinal);

    public string Text { get; } = File.ReadAllText(System.IO.Path.Combine(Root, Path)).ReplaceLineEndings("\n");

    /// <summary>The program's files, named after the lines they come from.</summary>
    public IReadOnlyList<(string Name, string Text)> Sources => [.. Blocks("csharp").Select((block, index) => ($"{Path}:{block.Line}", Complete(block.Text, block.Given, index)))];

    /// <summary>Command lines of the tool, without its name.</summary>
    public IEnumerable<string[]> Commands => Blocks("sh").SelectMany(block => block.Text.Split('\n')).Where(line => line.StartsWith("skip-softmax ", StringComparison.Ordinal)).Select(line => line.Split(' ')[1..]);

    public IEnumerable<string> Links => LinkTarget().Matches(Text).Select(match => match.Groups[1].Value).Where(link => !link.StartsWith("http", StringComparison.Ordinal));

    /// <summary>Names of kernels that the page speaks of.</summary>
    public IEnumerable<string> KernelNames => KernelName().Matches(Text).Select(match => match.Value).Distinct();

    /// <summary>Anchors of the headings, as GitHub makes them.</summary>
    public IEnumerable<string> Anchors => Heading().Matches(Text).Select(match => NotInAnchors().Replace(match.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-'));

    /// <summary>Rows of the table whose first header cell begins so, without its header; cells are trimmed.</summary>
    public IEnumerable<string[]> Table(string header, int occurrence = 0)
    {
        string[] lines = Text.Split('\n');
        int start = lines.Index().Where(line => line.Item.StartsWith($"| {header}", StringComparison.Ordinal)).ElementAt(occurrence).Index;
        return lines.Skip(start + 2).TakeWhile(line => line.StartsWith('|')).Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries));
    }

    private static string Complete(string text, string given, int index)
    {
        if (text.StartsWith("[SkipSoftmaxAttention", StringComparison.Ordinal))
        {
            return $"public static partial class LlamaAttention\n{{\n{text}\n}}";
        }
        return TypeDeclaration().IsMatch(text)
            ? text
            : $"internal static class Statements{index}\n{{\npublic static void Run({given})\n{{\n{text}\n}}\n}}";
    }

    private IEnumerable<(int Line, string Text, string Given)> Blocks(string language) => Block().Matches(Text).Where(match => match.Groups["language"].Value == language)
        .Select(match => (Text[..match.Groups["text"].Index].Count(character => character == '\n') + 1, match.Groups["text"].Value, match.Groups["given"].Value));

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "SkipSoftmax.Gen.sln")))
            {
                return folder.FullName;
            }
        }
        throw new DirectoryNotFoundException($"No SkipSoftmax.Gen.sln above {AppContext.BaseDirectory}: run the tests from a checkout.");
    }

    [GeneratedRegex(@"(?:<!-- given: (?<given>[^\n]*?) -->\n)?^```(?<language>\w*)\n(?<text>.*?)\n```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^public (static )?(partial )?(class|record|struct) ", RegexOptions.Multiline)]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex LinkTarget();

    [GeneratedRegex(@"\bsm\d+_(?:prefill|decode)_[a-z0-9_]+_[a-z0-9_]+\b")]
    private static partial Regex KernelName();

    [GeneratedRegex(@"^#+ (.*)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]")]
    private static partial Regex NotInAnchors();
}
