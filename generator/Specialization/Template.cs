using System.Text;
using System.Text.RegularExpressions;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator.Specialization;

/// <summary>
/// A flattened template. Its constants file holds a default for each constant, <c>constexpr TYPE NAME = VALUE;</c>; specialization
/// replaces these lines and nothing else.
/// </summary>
internal sealed class Template
{
    private static readonly Regex ConstantLine = new(
        @"^constexpr (?<type>[A-Za-z_]\w*) (?<name>[A-Za-z_]\w*) = (?<value>[^;]+);(?<comment>\s*//.*)?$", RegexOptions.CultureInvariant);

    private static readonly Regex CommentOrLiteral = new(
        @"//[^\n]*|/\*.*?\*/|""(\\.|[^""\\\n])*""", RegexOptions.CultureInvariant | RegexOptions.Singleline);

    private static readonly Regex Identifier = new(@"\b[A-Za-z_]\w*", RegexOptions.CultureInvariant);

    private readonly string _constantsPath;
    private readonly IReadOnlyList<TemplateLine> _lines;
    private readonly IReadOnlyDictionary<int, Match> _constants;

    private Template(string constantsPath, IReadOnlyList<TemplateLine> lines, IReadOnlyDictionary<int, Match> constants)
    {
        _constantsPath = constantsPath;
        _lines = lines;
        _constants = constants;
    }

    /// <exception cref="TemplateException">Includes can't be resolved, or a constant is malformed, declared twice or never used.</exception>
    public static Template Read(IReadOnlyDictionary<string, string> files, string root, string constantsPath)
    {
        IReadOnlyList<TemplateLine> lines = IncludeFlattener.Flatten(files, root);
        if (!lines.Any(line => line.Path == constantsPath))
        {
            throw new TemplateException(root, $"does not include its constants, {constantsPath}.");
        }

        Dictionary<int, Match> constants = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int i = 0; i < lines.Count; i++)
        {
            if (lines[i].Path != constantsPath || !Code(lines[i].Text).Contains("constexpr"))
            {
                continue;
            }
            Match constant = ConstantLine.Match(lines[i].Text);
            if (!constant.Success)
            {
                throw new TemplateException(constantsPath, $"'{lines[i].Text}' is not of the form 'constexpr TYPE NAME = VALUE;'.");
            }
            if (!names.Add(NameOf(constant)))
            {
                throw new TemplateException(constantsPath, $"declares {NameOf(constant)} twice.");
            }
            constants.Add(i, constant);
        }
        RequireUse(constantsPath, names, Enumerable.Range(0, lines.Count).Where(i => !constants.ContainsKey(i)).Select(i => lines[i].Text));
        return new(constantsPath, lines, constants);
    }

    /// <exception cref="TemplateException">A value is missing, unknown, given twice, or of another type than its default.</exception>
    public string Specialize(IEnumerable<KernelConstant> values)
    {
        Dictionary<string, KernelConstant> byName = new(StringComparer.Ordinal);
        foreach (KernelConstant value in values)
        {
            if (byName.ContainsKey(value.Name))
            {
                throw new TemplateException(_constantsPath, $"{value.Name} is given twice.");
            }
            byName.Add(value.Name, value);
        }

        StringBuilder text = new();
        for (int i = 0; i < _lines.Count; i++)
        {
            text.Append(_constants.TryGetValue(i, out Match constant) ? Replace(constant, byName) : _lines[i].Text).Append('\n');
        }
        if (byName.Count > 0)
        {
            throw new TemplateException(_constantsPath, $"does not declare {string.Join(", ", byName.Keys.OrderBy(name => name, StringComparer.Ordinal))}.");
        }
        return text.ToString();
    }

    private string Replace(Match constant, Dictionary<string, KernelConstant> values)
    {
        string name = NameOf(constant);
        if (!values.TryGetValue(name, out KernelConstant value))
        {
            throw new TemplateException(_constantsPath, $"no value is given for {name}.");
        }
        if (value.Type != constant.Groups["type"].Value)
        {
            throw new TemplateException(_constantsPath, $"declares {name} as {constant.Groups["type"].Value}, but its value is of type {value.Type}.");
        }
        values.Remove(name);
        return $"constexpr {value.Type} {name} = {value.Value};{constant.Groups["comment"].Value}";
    }

    private static void RequireUse(string constantsPath, IEnumerable<string> names, IEnumerable<string> body)
    {
        HashSet<string> used = new(Identifier.Matches(Code(string.Join("\n", body))).Cast<Match>().Select(match => match.Value), StringComparer.Ordinal);
        if (names.FirstOrDefault(name => !used.Contains(name)) is string unused)
        {
            throw new TemplateException(constantsPath, $"declares {unused}, which the kernel never uses.");
        }
    }

    private static string Code(string text) => CommentOrLiteral.Replace(text, " ");

    private static string NameOf(Match constant) => constant.Groups["name"].Value;
}
