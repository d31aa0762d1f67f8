using System.Runtime.InteropServices;

namespace SkipSoftmax.Caching;

/// <summary>Where compiled kernels are kept, and whether that place may be used: what lies there is executed on the device.</summary>
internal static partial class CacheFolder
{
    /// <summary>The one environment variable of this library.</summary>
    public const string EnvironmentVariable = "SKIPSOFTMAX_CACHE_DIR";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The options' folder, else the environment variable's, else <c>skip-softmax-gen</c> in the user's cache folder; null where there is none.</summary>
    public static string? Resolve(string? option)
    {
        string? named = option ?? NonEmpty(Environment.GetEnvironmentVariable(EnvironmentVariable));
        if (named is not null)
        {
            return Path.GetFullPath(named);
        }
        string? userCache = OperatingSystem.IsWindows()
            ? NonEmpty(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData))
            : XdgCacheHome() ?? Below(NonEmpty(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile)), ".cache");
        return Below(userCache, "skip-softmax-gen");
    }

    /// <summary>Makes the folder where it is missing, for its owner only.</summary>
    /// <returns>Null where it can be used; otherwise why not, and what to do.</returns>
    public static string? Prepare(string path)
    {
        try
        {
            if (File.Exists(path))
            {
                return $"the cache folder '{path}' is a file: remove it or choose another folder";
            }
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(path);
                return null;
            }
            Directory.CreateDirectory(path, OwnerOnly);
            return Refusal(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return $"the cache folder '{path}' can't be made: {exception.Message}";
        }
    }

    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    private static string? Refusal(string path)
    {
        UnixFileMode mode = File.GetUnixFileMode(path);
        if ((mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
        {
            return $"the cache folder '{path}' can be written by others (mode {Convert.ToString((int)mode, 8)}), who could plant kernels: run chmod go-w on it or choose another folder";
        }
        if (OperatingSystem.IsLinux() && OwnerOf(path) is uint owner && owner != geteuid())
        {
            return $"the cache folder '{path}' belongs to user {owner}, not to user {geteuid()}, who runs this process: choose a folder of your own";
        }
        return null;
    }

    /// <summary>User id by <c>statx(2)</c>, whose layout is the same on every Linux architecture; null where the C library lacks it.</summary>
    private static unsafe uint? OwnerOf(string path)
    {
        const int currentDirectory = -100, followLinks = 0, statxBytes = 256, uidOffset = 20;
        const uint uidMask = 0x8;
        byte* buffer = stackalloc byte[statxBytes];
        try
        {
            return statx(currentDirectory, path, followLinks, uidMask, buffer) == 0 ? *(uint*)(buffer + uidOffset) : throw new IOException($"statx of '{path}' failed with error {Marshal.GetLastPInvokeError()}.");
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    private static string? XdgCacheHome() =>
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } folder && Path.IsPathFullyQualified(folder) ? folder : null;

    private static string? Below(string? parent, string name) => parent is null ? null : Path.Combine(parent, name);

    private static string? NonEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static unsafe partial int statx(int directory, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
