using System.Text.Json;
using SkipSoftmax.Caching;

namespace SkipSoftmax.Tool.Tests;

/// <summary><c>cache</c>: a folder with a good, a damaged, a superseded entry, leavings of writers, and a file of somebody else.</summary>
public sealed class CacheCommandTests : IDisposable
{
    private static readonly KernelKey old = Key("one", new(12, 4)), current = Key("one", new(13, 0)), other = Key("two", new(13, 0));

    private readonly UserFiles files = new();
    private readonly string folder;

    public CacheCommandTests()
    {
        folder = files.At("cache");
        KernelCache cache = new(folder, message => Assert.Fail(message));
        foreach (KernelKey key in new[] { old, current, other })
        {
            cache.Write(key, "image"u8);
        }
        byte[] damaged = File.ReadAllBytes(PathOf(other));
        damaged[^1] ^= 1;
        File.WriteAllBytes(PathOf(other), damaged);
        File.WriteAllText(Path.Combine(folder, "notes.txt"), "of somebody else");
        string abandoned = Path.Combine(folder, $"{other.TextHash}.1.tmp"), underWay = Path.Combine(folder, $"{other.TextHash}.2.tmp");
        File.WriteAllText(abandoned, "");
        File.WriteAllText(underWay, "");
        File.SetLastWriteTimeUtc(abandoned, DateTime.UtcNow.AddDays(-2));
    }

    public void Dispose() => files.Dispose();

    [Fact]
    public void List_shows_each_entry_with_its_state()
    {
        JsonElement answer = CommandLine.Answer(0, "cache", "list", "--folder", folder);

        Assert.Equal(
            new[] { (old.FileName, "Good"), (current.FileName, "Good"), (other.FileName, "Damaged") }.Order(),
            answer.GetProperty("entries").EnumerateArray().Select(entry => (entry.GetProperty("file").GetString()!, entry.GetProperty("state").GetString()!)).Order());
        Assert.Equal(2, answer.GetProperty("abandoned").GetInt32());
        Assert.Contains("damaged", CommandLine.Run("cache", "list", "--folder", folder).Output);
    }

    [Fact]
    public void Verify_fails_for_a_damaged_entry_and_names_it()
    {
        CommandLine line = CommandLine.Run("cache", "verify", "--folder", folder);

        Assert.Equal(1, line.ExitCode);
        Assert.Contains(other.FileName, line.Output);
        Assert.Contains("2 good, 1 bad", line.Output);
        File.Delete(PathOf(other));
        Assert.Equal(0, CommandLine.Run("cache", "verify", "--folder", folder).ExitCode);
    }

    [Fact]
    public void Prune_keeps_the_newest_good_entry_of_each_kernel_and_what_is_being_written()
    {
        CommandLine.Answer(0, "cache", "prune", "--folder", folder, "--dry-run");
        Assert.Equal(6, Directory.GetFiles(folder).Length);

        CommandLine.Answer(0, "cache", "prune", "--folder", folder);

        Assert.Equal(
            new[] { current.FileName, "notes.txt", $"{other.TextHash}.2.tmp" }.Order(),
            Directory.GetFiles(folder).Select(path => Path.GetFileName(path)).Order());
    }

    [Fact]
    public void Prune_removes_entries_older_than_asked()
    {
        File.SetLastWriteTimeUtc(PathOf(current), DateTime.UtcNow.AddDays(-10));

        CommandLine.Answer(0, "cache", "prune", "--folder", folder, "--older-than", "30");
        Assert.True(File.Exists(PathOf(current)));
        CommandLine.Answer(2, "cache", "prune", "--folder", folder, "--older-than", "-5");
        Assert.True(File.Exists(PathOf(current)));
        CommandLine.Answer(0, "cache", "prune", "--folder", folder, "--older-than", "5");
        Assert.False(File.Exists(PathOf(current)));
    }

    [Fact]
    public void Clear_removes_the_caches_files_and_no_other()
    {
        CommandLine.Answer(0, "cache", "clear", "--folder", folder);

        Assert.Equal("notes.txt", Path.GetFileName(Assert.Single(Directory.GetFiles(folder))));
    }

    [Fact]
    public void Folder_that_does_not_exist_is_empty_and_stays_away()
    {
        string absent = files.At("absent");

        Assert.Equal(0, CommandLine.Answer(0, "cache", "list", "--folder", absent).GetProperty("entries").GetArrayLength());
        Assert.False(Directory.Exists(absent));
    }

    private string PathOf(KernelKey key) => Path.Combine(folder, key.FileName);

    private static KernelKey Key(string text, Version compiler) => KernelKey.Of(System.Text.Encoding.UTF8.GetBytes(text), ["--option"], compiler);
}
