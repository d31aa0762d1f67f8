namespace SkipSoftmax.Native;

/// <summary>Finds NVRTC: where the options say, or in the places that toolkits, distributions and pip put it.</summary>
internal static class NvrtcLocator
{
    // Newest first: a newer NVRTC knows more architectures.
    private static readonly string[] unixNames = ["libnvrtc.so.13", "libnvrtc.so.12"];
    private static readonly string[] windowsNames = ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"];
    private static readonly string[] packageFolders = ["site-packages", "dist-packages"];
    private static readonly string[] pipPackages = ["cu13", "cuda_nvrtc"];

    private static string[] Names => OperatingSystem.IsWindows() ? windowsNames : unixNames;

    /// <summary>The first NVRTC that loads, or null and where it was looked for.</summary>
    /// <param name="path">A library file or a folder that holds one; null: the usual places. A path that is given is the only one tried.</param>
    public static (NvrtcLibrary? Library, string State) Find(string? path) => path switch
    {
        null => FirstOf([.. UsualPlaces(), .. Names], "No NVRTC: install the CUDA toolkit 12 or 13 (or pip's nvidia-cuda-nvrtc), or set AttentionOptions.NvrtcPath"),
        _ when File.Exists(path) => NvrtcLibrary.TryLoad(Path.GetFullPath(path)),
        _ when Directory.Exists(path) => FirstOf(Present(Path.GetFullPath(path)), $"AttentionOptions.NvrtcPath '{path}' holds no {string.Join(" or ", Names)}"),
        _ => (null, $"AttentionOptions.NvrtcPath '{path}' is no file or folder: correct it, or leave it null to search the usual places."),
    };

    private static (NvrtcLibrary? Library, string State) FirstOf(IEnumerable<string> candidates, string absence)
    {
        var failures = new List<string>();
        foreach (string candidate in candidates)
        {
            (NvrtcLibrary? library, string state) = NvrtcLibrary.TryLoad(candidate);
            if (library is not null)
            {
                return (library, state);
            }
            failures.Add(state);
        }
        return (null, failures.Count == 0 ? $"{absence}." : $"{absence}. {string.Join(' ', failures)}");
    }

    private static IEnumerable<string> UsualPlaces() => Folders().SelectMany(Present);

    private static IEnumerable<string> Present(string folder) => Names.Select(name => Path.Combine(folder, name)).Where(File.Exists);

    private static IEnumerable<string> Folders()
    {
        if (OperatingSystem.IsWindows())
        {
            string toolkits = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "NVIDIA GPU Computing Toolkit", "CUDA");
            return Subfolders(toolkits, "v*").SelectMany(toolkit => new[] { Path.Combine(toolkit, "bin", "x64"), Path.Combine(toolkit, "bin") });
        }
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string[] pythonPrefixes = ["/usr/local", "/usr", "/opt/conda", "/opt/venv", Path.Combine(home, ".local"), Path.Combine(home, "miniconda3")];
        IEnumerable<string> toolkitFolders = Subfolders("/usr/local", "cuda*").SelectMany(toolkit =>
            new[] { Path.Combine(toolkit, "targets/x86_64-linux/lib"), Path.Combine(toolkit, "targets/sbsa-linux/lib"), Path.Combine(toolkit, "lib64") });
        IEnumerable<string> pipFolders =
            from prefix in pythonPrefixes
            from python in Subfolders(Path.Combine(prefix, "lib"), "python3*")
            from packages in packageFolders
            from package in pipPackages
            select Path.Combine(python, packages, "nvidia", package, "lib");
        return [.. toolkitFolders, "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", .. pipFolders];
    }

    /// <summary>Newest version first, as far as names tell.</summary>
    private static IEnumerable<string> Subfolders(string parent, string pattern) =>
        Directory.Exists(parent) ? Directory.EnumerateDirectories(parent, pattern).OrderDescending(StringComparer.Ordinal) : [];
}
