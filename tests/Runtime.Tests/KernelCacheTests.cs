using SkipSoftmax.Caching;

namespace SkipSoftmax.Tests;

/// <summary>The disk cache under faults: an entry is whole and right, or it is compiled again.</summary>
public sealed class KernelCacheTests
{
    internal static KernelKey SharedKey { get; } = KernelKey.Of("text"u8, ["--option"], new(13, 0));

    internal static byte[] SharedImage { get; } = [.. Enumerable.Range(0, 100_000).Select(index => (byte)index)];

    private readonly List<string> warnings = [];

    [Fact]
    public void Written_image_is_read_back()
    {
        using var folder = new TemporaryFolder();
        Open(folder).Write(SharedKey, SharedImage);
        Assert.Equal(SharedImage, Open(folder).TryRead(SharedKey));
        Assert.Equal([SharedKey.FileName], FilesOf(folder));
        Assert.Empty(warnings);
    }

    [Fact]
    public void Anything_the_code_depends_on_changes_the_key()
    {
        KernelKey[] keys =
        [
            SharedKey,
            KernelKey.Of("texu"u8, ["--option"], new(13, 0)),
            KernelKey.Of("text"u8, ["--options"], new(13, 0)),
            KernelKey.Of("text"u8, ["--option", ""], new(13, 0)),
            KernelKey.Of("text"u8, ["--opt", "ion"], new(13, 0)),
            KernelKey.Of("text"u8, ["--option"], new(13, 1)),
            KernelKey.Of("text"u8, ["--option"], new(12, 0)),
        ];
        Assert.Equal(keys.Length, keys.Select(key => key.FileName).Distinct().Count());
        Assert.Equal(keys.Length, keys.Select(key => Convert.ToHexString(key.Hash.Span)).Distinct().Count());
    }

    [Fact]
    public void Entry_with_any_byte_flipped_is_refused()
    {
        byte[] entry = KernelCacheEntry.Encode(SharedKey, [1, 2, 3, 4, 5]);
        Assert.Equal(new byte[] { 1, 2, 3, 4, 5 }, KernelCacheEntry.Decode(SharedKey, entry));
        for (int index = 0; index < entry.Length; index++)
        {
            foreach (int mask in new[] { 0x01, 0x80, 0xFF })
            {
                byte[] flipped = [.. entry];
                flipped[index] ^= (byte)mask;
                Assert.True(KernelCacheEntry.Decode(SharedKey, flipped) is null, $"Byte {index} changed by 0x{mask:x2} was not noticed.");
            }
        }
    }

    [Fact]
    public void Entry_cut_or_lengthened_anywhere_is_refused()
    {
        byte[] entry = KernelCacheEntry.Encode(SharedKey, [1, 2, 3, 4, 5]);
        for (int length = 0; length < entry.Length; length++)
        {
            Assert.True(KernelCacheEntry.Decode(SharedKey, entry.AsSpan(0, length)) is null, $"A cut to {length} bytes was not noticed.");
        }
        Assert.Null(KernelCacheEntry.Decode(SharedKey, [.. entry, 0]));
    }

    [Fact]
    public void Entry_of_another_key_is_refused()
    {
        using var folder = new TemporaryFolder();
        KernelKey other = KernelKey.Of("other"u8, [], new(13, 0));
        KernelCache cache = Open(folder);
        cache.Write(other, SharedImage);
        File.Move(Path.Combine(folder, other.FileName), Path.Combine(folder, SharedKey.FileName));
        Assert.Null(cache.TryRead(SharedKey));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(79)]
    [InlineData(80)]
    [InlineData(81)]
    [InlineData(50_000)]
    [InlineData(100_079)]
    public void Damaged_entry_is_deleted_and_written_again(int length)
    {
        using var folder = new TemporaryFolder();
        KernelCache cache = Open(folder);
        cache.Write(SharedKey, SharedImage);
        string path = Path.Combine(folder, SharedKey.FileName);
        using (FileStream stream = File.OpenWrite(path))
        {
            stream.SetLength(length);
        }
        Assert.Null(cache.TryRead(SharedKey));
        Assert.False(File.Exists(path));
        Assert.Contains("damaged", Assert.Single(warnings), StringComparison.Ordinal);
        cache.Write(SharedKey, SharedImage);
        Assert.Equal(SharedImage, cache.TryRead(SharedKey));
    }

    [Fact]
    public void Leftovers_of_killed_writers_are_ignored_and_old_ones_deleted()
    {
        using var folder = new TemporaryFolder();
        string young = Path.Combine(folder, $"{SharedKey.TextHash}.1.young.tmp"), old = Path.Combine(folder, $"{SharedKey.TextHash}.1.old.tmp");
        File.WriteAllBytes(young, [1, 2, 3]);
        File.WriteAllBytes(old, [1, 2, 3]);
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddDays(-2));
        KernelCache cache = Open(folder);
        Assert.Null(cache.TryRead(SharedKey));
        Assert.Null(cache.TryReadAnyCompiler(SharedKey.TextHash));
        Assert.True(File.Exists(young));
        Assert.False(File.Exists(old));
    }

    [Fact]
    public void Without_a_compiler_the_newest_compilers_whole_entry_serves()
    {
        using var folder = new TemporaryFolder();
        KernelCache cache = Open(folder);
        KernelKey Key(int major, int minor) => KernelKey.Of("text"u8, ["--option"], new(major, minor));
        cache.Write(Key(12, 9), [12]);
        cache.Write(Key(13, 0), [13]);
        cache.Write(KernelKey.Of("another text"u8, ["--option"], new(14, 0)), [14]);
        Assert.Equal(new byte[] { 13 }, cache.TryReadAnyCompiler(SharedKey.TextHash));
        File.WriteAllBytes(Path.Combine(folder, Key(13, 0).FileName), [0]);
        Assert.Equal(new byte[] { 12 }, cache.TryReadAnyCompiler(SharedKey.TextHash));
    }

    [Fact]
    public void Folder_that_is_a_file_is_refused_and_left_alone()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder, "file");
        File.WriteAllText(file, "mine");
        RequireUnused(Open(file), "is a file");
        Assert.Equal("mine", File.ReadAllText(file));
    }

    [Fact]
    public void Folder_below_a_file_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder, "file"), "");
        RequireUnused(Open(Path.Combine(folder, "file", "cache")), "can't be made");
    }

    [Fact]
    public void Without_any_folder_nothing_is_kept() => RequireUnused(Open(null), CacheFolder.EnvironmentVariable);

    [SkippableFact]
    public void Folder_on_a_read_only_file_system_is_refused()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "/proc is Linux's.");
        RequireUnused(Open("/proc/skip-softmax-cache"), "can't be made");
    }

    [SkippableFact]
    public void Folder_that_turned_read_only_costs_a_warning_and_leaves_nothing()
    {
        // Permission bits do not stop root, but no user can create files in /proc/self.
        Skip.IfNot(OperatingSystem.IsLinux(), "/proc is Linux's.");
        KernelCache cache = Open("/proc/self");
        Skip.IfNot(cache.Refusal is null, $"/proc/self is no folder of this user here: {cache.Refusal}");
        cache.Write(SharedKey, SharedImage);
        Assert.Contains(warnings, warning => warning.Contains("can't be kept in '/proc/self'", StringComparison.Ordinal));
        Assert.Null(cache.TryRead(SharedKey));
    }

    [SkippableTheory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void Folder_that_others_can_write_is_refused(UnixFileMode mode)
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows has no Unix modes.");
        using var folder = new TemporaryFolder();
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | mode);
        }
        RequireUnused(Open(folder), "can be written by others", "chmod go-w");
        Assert.Empty(FilesOf(folder));
    }

    [SkippableFact]
    public void Folder_of_another_user_is_refused()
    {
        Skip.IfNot(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root can give a folder away.");
        using var folder = new TemporaryFolder();
        Skip.IfNot(Child.Run("chown", "12345", folder) == 0, "chown is not allowed here.");
        RequireUnused(Open(folder), "belongs to user 12345");
    }

    [SkippableFact]
    public void Folder_is_made_for_its_owner_only()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows has no Unix modes.");
        using var parent = new TemporaryFolder();
        string folder = Path.Combine(parent, "deep", "cache");
        Assert.Null(Open(folder).Refusal);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        }
    }

    [Fact]
    public void Concurrent_writers_and_readers_never_see_a_part()
    {
        using var folder = new TemporaryFolder();
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        Parallel.For(0, 8, _ =>
        {
            var cache = new KernelCache(folder, failures.Enqueue);
            for (int round = 0; round < 50; round++)
            {
                cache.Write(SharedKey, SharedImage);
                Assert.Equal(SharedImage, cache.TryRead(SharedKey));
            }
        });
        Assert.Empty(failures);
        Assert.Equal([SharedKey.FileName], FilesOf(folder));
    }

    private static string[] FilesOf(string folder) => [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path)!)];

    private KernelCache Open(string? folder) => new(folder, warnings.Add);

    private void RequireUnused(KernelCache cache, params string[] texts)
    {
        Assert.All(texts, text => Assert.Contains(text, cache.Refusal, StringComparison.Ordinal));
        cache.Write(SharedKey, SharedImage);
        Assert.Null(cache.TryRead(SharedKey));
        Assert.Null(cache.TryReadAnyCompiler(SharedKey.TextHash));
        Assert.Contains(cache.Refusal!, Assert.Single(warnings), StringComparison.Ordinal);
    }
}
