namespace SkipSoftmax.Simulation;

public sealed class BuildCacheTests : IDisposable
{
    private readonly string folder = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Result_is_built_once_for_what_it_is_made_from()
    {
        BuildCache cache = new(folder);

        string built = Build(cache, "a", bytes: 3);

        Assert.Equal(built, cache.Publish("a", ["a"], _ => Assert.Fail("It was there.")));
        Assert.Equal(built, new BuildCache(folder).Publish("a", ["a"], _ => Assert.Fail("It was there.")));
        Assert.NotEqual(built, cache.Publish("a", ["b"], _ => { }));
        Assert.Equal(3, new FileInfo(Path.Combine(built, "file")).Length);
    }

    [Fact]
    public void Failed_build_leaves_nothing()
    {
        BuildCache cache = new(folder);

        Assert.Throws<InvalidOperationException>(() => cache.Publish("a", ["a"], _ => throw new InvalidOperationException()));

        Assert.Empty(Directory.GetDirectories(folder));
    }

    [Fact]
    public void Long_unused_result_is_removed_and_a_used_one_stays()
    {
        string old = Build(new(folder), "old", bytes: 1);
        string used = Build(new(folder), "used", bytes: 1);
        string abandoned = Directory.CreateDirectory(Path.Combine(folder, "used-0123.building")).FullName;
        foreach (string result in new[] { old, used, abandoned })
        {
            Directory.SetLastWriteTimeUtc(result, DateTime.UtcNow - TimeSpan.FromDays(13));
        }
        Build(new(folder), "used", bytes: 1); // a use

        Build(new(folder) { LongestUnused = TimeSpan.FromDays(12) }, "new", bytes: 1);

        Assert.Equal(["new", "used"], Names());
    }

    [Fact]
    public void Least_lately_used_results_make_room_unless_they_are_in_use()
    {
        string[] results = [.. Enumerable.Range(0, 5).Select(index => Build(new(folder), $"r{index}", bytes: 100))];
        for (int index = 0; index < results.Length; index++)
        {
            Directory.SetLastWriteTimeUtc(results[index], DateTime.UtcNow - TimeSpan.FromHours(index));
        }

        Build(new(folder) { MostBytes = 150, InUse = TimeSpan.FromHours(2.5) }, "new", bytes: 1);

        Assert.Equal(["new", "r0", "r1", "r2"], Names());
    }

    /// <summary>Each of them prunes first, as a process that has just started does.</summary>
    [Fact]
    public void Any_number_may_prune_and_use_at_one_time()
    {
        for (int index = 0; index < 40; index++)
        {
            Directory.SetLastWriteTimeUtc(Build(new(folder), $"old{index}", bytes: 10), DateTime.UtcNow - TimeSpan.FromDays(30));
        }

        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, index =>
            Assert.True(File.Exists(Path.Combine(Build(new(folder), $"r{index % 3}", bytes: 10), "file"))));

        Assert.Equal(["r0", "r1", "r2"], Names());
    }

    private static string Build(BuildCache cache, string name, int bytes) =>
        cache.Publish(name, [name], building => File.WriteAllBytes(Path.Combine(building, "file"), new byte[bytes]));

    private IEnumerable<string> Names() => Directory.GetDirectories(folder).Select(path => Path.GetFileName(path).Split('-')[0]).Order(StringComparer.Ordinal);
}
