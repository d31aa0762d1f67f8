using System.Security.Cryptography;
using SkipSoftmax.Caching;

namespace SkipSoftmax.Tool.Caching;

/// <summary>What an entry of the cache folder is worth.</summary>
internal enum CacheEntryState
{
    /// <summary>Whole and unchanged.</summary>
    Good,

    /// <summary>Cut, changed, or of another key than its name says.</summary>
    Damaged,

    /// <summary>Can't be read now.</summary>
    Unreadable,
}

/// <summary>One file of the cache folder.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="Key">What it was compiled from and by.</param>
/// <param name="State">What reading it gave.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="LastWritten">In UTC.</param>
internal sealed record CacheEntry(string Path, KernelKey Key, CacheEntryState State, long Bytes, DateTime LastWritten);

/// <summary>The entries of a cache folder, all of them read and checked, and what writers that were killed left behind.</summary>
internal sealed record CacheInventory(string Folder, IReadOnlyList<CacheEntry> Entries, IReadOnlyList<FileInfo> Abandoned)
{
    public long Bytes => Entries.Sum(entry => entry.Bytes);

    /// <summary>Reads and checks every entry. A folder that does not exist is empty.</summary>
    public static CacheInventory Of(string folder)
    {
        FileInfo[] files = Directory.Exists(folder) ? [.. new DirectoryInfo(folder).EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal)] : [];
        return new(
            folder,
            [.. files.Select(Examine).OfType<CacheEntry>()],
            [.. files.Where(file => file.Name.EndsWith(KernelCache.TemporaryExtension, StringComparison.Ordinal))]);
    }

    /// <summary>Null where the name is none of an entry's.</summary>
    private static CacheEntry? Examine(FileInfo file)
    {
        string textHash = file.Name.Split('.')[0];
        if (textHash.Length != 2 * SHA256.HashSizeInBytes || KernelKey.OfFile(textHash, file.Name) is not { } key)
        {
            return null;
        }
        try
        {
            CacheEntryState state = KernelCacheEntry.Decode(key, File.ReadAllBytes(file.FullName)) is null ? CacheEntryState.Damaged : CacheEntryState.Good;
            return new(file.FullName, key, state, file.Length, file.LastWriteTimeUtc);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new(file.FullName, key, CacheEntryState.Unreadable, file.Length, file.LastWriteTimeUtc);
        }
    }
}
