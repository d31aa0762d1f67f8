namespace SkipSoftmax.Generator.Specialization;

/// <summary>A template breaks a rule of specialization. No shipped template does: a test specializes every variant.</summary>
internal sealed class TemplateException(string path, string problem) : Exception($"{path}: {problem}")
{
    /// <summary>The template file at fault.</summary>
    public string Path { get; } = path;
}
