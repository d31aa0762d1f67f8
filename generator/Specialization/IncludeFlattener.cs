using System.Text.RegularExpressions;

namespace SkipSoftmax.Generator.Specialization;

/// <summary>One line of a flattened template, and the file it is from.</summary>
internal readonly record struct TemplateLine(string Path, string Text);

/// <summary>Puts a template and the files it includes into one text: each file once, where it is first included, between two comments that
/// name it.</summary>
internal sealed class IncludeFlattener(IReadOnlyDictionary<string, string> files)
{
    private static readonly Regex Directive = new(@"^\s*#\s*(?<name>include|pragma)\b\s*(?<rest>.*?)\s*$", RegexOptions.CultureInvariant);
    private static readonly Regex QuotedPath = new(@"^""(?<path>[^""]+)""\s*(//.*)?$", RegexOptions.CultureInvariant);

    private readonly List<TemplateLine> _lines = [];
    private readonly HashSet<string> _included = new(StringComparer.Ordinal);
    private readonly Stack<string> _open = new();

    /// <exception cref="TemplateException">An included file is missing, is a system header, or includes itself.</exception>
    public static IReadOnlyList<TemplateLine> Flatten(IReadOnlyDictionary<string, string> files, string root)
    {
        IncludeFlattener flattener = new(files);
        flattener.Append(root, includedFrom: null);
        return flattener._lines;
    }

    private void Append(string path, string? includedFrom)
    {
        if (_open.Contains(path))
        {
            throw new TemplateException(includedFrom ?? path, $"includes {path}, which includes it: {string.Join(" → ", _open.Reverse().Append(path))}.");
        }
        if (!files.TryGetValue(path, out string? text))
        {
            throw new TemplateException(includedFrom ?? path, includedFrom is null ? "there is no such template." : $"includes {path}, which does not exist.");
        }
        if (!_included.Add(path))
        {
            return;
        }

        _open.Push(path);
        Add(path, $"// ---- {path}");
        foreach (string line in text.TrimEnd().Replace("\r\n", "\n").Split('\n'))
        {
            Match directive = Directive.Match(line);
            string rest = directive.Groups["rest"].Value;
            switch (directive.Groups["name"].Value)
            {
                case "include":
                    Append(Resolve(path, rest), includedFrom: path);
                    break;
                case "pragma" when rest == "once":
                    break;
                default:
                    Add(path, line.TrimEnd());
                    break;
            }
        }
        Add(path, $"// ---- end of {path}");
        _open.Pop();
    }

    private void Add(string path, string line)
    {
        // Directives leave blank lines behind.
        if (line.Length > 0 || (_lines.Count > 0 && _lines[_lines.Count - 1].Text.Length > 0))
        {
            _lines.Add(new(path, line));
        }
    }

    private static string Resolve(string path, string target)
    {
        Match quoted = QuotedPath.Match(target);
        if (!quoted.Success)
        {
            throw new TemplateException(path, $"includes {target}: NVRTC has no headers, so that only templates, in quotes, can be included.");
        }

        List<string> folders = [.. path.Split('/')];
        folders.RemoveAt(folders.Count - 1);
        foreach (string part in quoted.Groups["path"].Value.Split('/'))
        {
            if (part == ".." && folders.Count > 0)
            {
                folders.RemoveAt(folders.Count - 1);
            }
            else if (part is not "." and not "")
            {
                folders.Add(part);
            }
        }
        return string.Join("/", folders);
    }
}
