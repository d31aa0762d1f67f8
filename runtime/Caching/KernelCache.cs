namespace SkipSoftmax.Caching;

/// <summary>
/// Compiled kernels on disk, one file each. Any number of processes may use one folder at a time: an entry appears whole, by rename, and
/// is checked whenever it is read. A folder or entry that fails costs a compilation and a warning, never the call.
/// </summary>
internal sealed class KernelCache
{
    public const string TemporaryExtension = ".tmp";

    /// <summary>No kernel comes near it; what does is none, and is not worth the memory.</summary>
    private const int MostBytes = 256 << 20;

    private static readonly TimeSpan abandonedAfter = TimeSpan.FromDays(1);

    private readonly Action<string> warn;
    private readonly Lazy<string?> refusal;

    /// <param name="folder">Null: there is no cache.</param>
    /// <param name="warn">Receives what went wrong with folder or entries, for people.</param>
    public KernelCache(string? folder, Action<string> warn)
    {
        this.warn = warn;
        Folder = folder;
        refusal = new(Open);
    }

    public string? Folder { get; }

    /// <summary>Why the cache isn't used; null where it is.</summary>
    public string? Refusal => refusal.Value;

    /// <summary>The image of this key, or null.</summary>
    public byte[]? TryRead(KernelKey key)
    {
        if (!CanUse())
        {
            return null;
        }
        string path = Path.Combine(Folder!, key.FileName);
        try
        {
            if (!File.Exists(path))
            {
                return null;
            }
            byte[]? image = ReadShared(path) is { } entry ? KernelCacheEntry.Decode(key, entry) : null;
            if (image is null)
            {
                warn($"The cached kernel '{path}' was damaged; it is deleted and compiled again.");
                File.Delete(path);
            }
            return image;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            warn($"The cached kernel '{path}' can't be read, so it is compiled again: {exception.Message}");
            return null;
        }
    }

    /// <summary>The image of this text by the newest compiler that left one, for machines without a compiler; or null.</summary>
    public byte[]? TryReadAnyCompiler(string textHash)
    {
        if (!CanUse())
        {
            return null;
        }
        try
        {
            return Directory.EnumerateFiles(Folder!, $"{textHash}.*")
                .Select(path => KernelKey.OfFile(textHash, Path.GetFileName(path)))
                .OfType<KernelKey>()
                .OrderByDescending(key => key.Compiler)
                .Select(TryRead)
                .FirstOrDefault(image => image is not null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            warn($"The cache folder '{Folder}' can't be read: {exception.Message}");
            return null;
        }
    }

    /// <summary>Keeps an image; a failure is a warning and leaves nothing behind.</summary>
    public void Write(KernelKey key, ReadOnlySpan<byte> image)
    {
        if (!CanUse())
        {
            return;
        }
        string path = Path.Combine(Folder!, key.FileName);
        string temporary = Path.Combine(Folder!, $"{key.TextHash}.{Environment.ProcessId}.{Guid.NewGuid():N}{TemporaryExtension}");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                stream.Write(KernelCacheEntry.Encode(key, image));
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            warn($"The compiled kernel can't be kept in '{Folder}', so it will be compiled again next time: {exception.Message}");
            TryDelete(temporary);
        }
    }

    /// <summary>Looks again each time: a folder that is removed meanwhile is made again, and one that others took over is used no more.</summary>
    private bool CanUse()
    {
        if (Refusal is not null)
        {
            return false;
        }
        if (CacheFolder.Prepare(Folder!) is not { } reason)
        {
            return true;
        }
        warn($"Compiled kernels are not kept: {reason}.");
        return false;
    }

    private string? Open()
    {
        string? reason = Folder is null
            ? $"no cache folder: the user has no home folder; set {CacheFolder.EnvironmentVariable} or AttentionOptions.CacheDirectory"
            : CacheFolder.Prepare(Folder);
        if (reason is not null)
        {
            warn($"Compiled kernels are not kept: {reason}.");
            return reason;
        }
        DeleteAbandoned();
        return null;
    }

    /// <summary>A process that was killed while writing leaves a temporary file; nothing ever reads it.</summary>
    private void DeleteAbandoned()
    {
        try
        {
            foreach (string path in Directory.EnumerateFiles(Folder!, $"*{TemporaryExtension}"))
            {
                if (DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > abandonedAfter)
                {
                    TryDelete(path);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            warn($"The cache folder '{Folder}' can't be listed: {exception.Message}");
        }
    }

    private void TryDelete(string path)
    {
        try
        {
            if (File.Exists(path))
            {
                File.Delete(path);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            warn($"'{path}' can't be deleted: {exception.Message}");
        }
    }

    /// <summary>Sharing deletion too, so that on Windows another process may replace the entry meanwhile. Null for what is too large, or no file of a known
    /// length.</summary>
    private static byte[]? ReadShared(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        if (!stream.CanSeek || stream.Length > MostBytes)
        {
            return null;
        }
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
