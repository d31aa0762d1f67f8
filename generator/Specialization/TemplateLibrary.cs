using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator.Specialization;

/// <summary>The template files by path (<c>templates/kernels/….cu</c>), and the kernels specialized from them.</summary>
internal sealed class TemplateLibrary(IReadOnlyDictionary<string, string> files)
{
    private readonly ConcurrentDictionary<(string Root, string Constants), Template> _templates = new();

    /// <summary>The templates by path.</summary>
    public IReadOnlyDictionary<string, string> Files => files;

    /// <summary>The templates embedded in this assembly.</summary>
    public static TemplateLibrary Embedded { get; } = new(ReadEmbedded());

    /// <summary>The whole CUDA C++ text of a variant.</summary>
    /// <exception cref="TemplateException">A template breaks a rule of specialization.</exception>
    public string Specialize(KernelVariant variant)
    {
        Template template = _templates.GetOrAdd((variant.Template, variant.ConstantsTemplate), key => Template.Read(files, key.Root, key.Constants));
        return KernelHeader.Of(variant) + template.Specialize(variant.Constants);
    }

    private static Dictionary<string, string> ReadEmbedded()
    {
        Assembly assembly = typeof(TemplateLibrary).Assembly;
        Dictionary<string, string> files = new(StringComparer.Ordinal);
        foreach (string name in assembly.GetManifestResourceNames().Where(name => name.StartsWith("templates", StringComparison.Ordinal)))
        {
            using StreamReader reader = new(assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
            // MSBuild writes the folders with the separator of the machine that builds.
            files.Add(name.Replace('\\', '/'), reader.ReadToEnd());
        }
        return files;
    }
}
