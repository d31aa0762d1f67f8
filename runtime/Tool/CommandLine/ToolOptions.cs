using System.CommandLine;
using SkipSoftmax.Tool.Declarations;

namespace SkipSoftmax.Tool.CommandLine;

/// <summary>Arguments and options that several commands take.</summary>
internal static class ToolOptions
{
    public static Argument<string> Source() => new("source") { Description = DeclarationReader.SourceDescription };

    public static Option<string?> Nvrtc() => new("--nvrtc") { Description = "NVRTC's library, or the folder it lies in. Default: where toolkits, distributions and pip put it." };

    public static Option<string?> CacheFolder() => new("--folder")
    {
        Description = $"Folder of compiled kernels. Default: that of {SkipSoftmax.Caching.CacheFolder.EnvironmentVariable}, or skip-softmax-gen in the user's cache folder.",
    };

    public static Option<string?> Declaration() => new("--declaration") { Description = "Only this method: its full name, or the end of it." };

    /// <summary>Those that the option names; all without it.</summary>
    /// <exception cref="ToolException">There is none of that name.</exception>
    public static IReadOnlyList<Declaration> Select(IReadOnlyList<Declaration> declarations, string? name)
    {
        Declaration[] named = [.. declarations.Where(declaration => name is null || $".{declaration.Specification.Name}".EndsWith($".{name}", StringComparison.Ordinal))];
        return named.Length > 0
            ? named
            : throw new ToolException(ExitCode.Misused, $"--declaration {name} is none of {string.Join(", ", declarations.Select(declaration => declaration.Specification.Name))}.");
    }
}
