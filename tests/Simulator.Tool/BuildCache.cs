using System.Security.Cryptography;
using System.Text;

namespace SkipSoftmax.Simulation;

/// <summary>
/// A folder of build results, each under a hash of everything it was made from. A result appears by rename: whole or not at all. One that nobody
/// has used for long is removed, and so are the least lately used ones where all of them take too much room. Any number of processes may share it.
/// </summary>
/// <param name="folder">Made where it does not exist.</param>
internal sealed class BuildCache(string folder)
{
    private const string LockFile = ".lock";
    private const string RemovedPrefix = "removed.";

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);

    private readonly Lock onePruning = new();
    private bool pruned;

    /// <summary>Results unused for longer than this are removed.</summary>
    public TimeSpan LongestUnused { get; init; } = TimeSpan.FromDays(14);

    /// <summary>Above this many bytes the least lately used results are removed.</summary>
    public long MostBytes { get; init; } = 1L << 30;

    /// <summary>Nothing used more lately than this is removed, whatever room it takes: its user may not have opened it yet.</summary>
    public TimeSpan InUse { get; init; } = TimeSpan.FromHours(2);

    /// <summary>The folder of a result: found, or built by <paramref name="build"/> in a folder of its own.</summary>
    /// <param name="name">For people who look into the folder.</param>
    /// <param name="madeFrom">Everything that the result follows from.</param>
    /// <param name="build">Fills a folder.</param>
    public string Publish(string name, IEnumerable<string> madeFrom, Action<string> build)
    {
        byte[] inputs = Encoding.UTF8.GetBytes(string.Join('\0', madeFrom));
        string target = Path.Combine(folder, $"{name}-{Convert.ToHexStringLower(SHA256.HashData(inputs))[..16]}");
        Directory.CreateDirectory(folder);
        PruneOnce();
        if (TryUse(target))
        {
            return target;
        }
        string building = $"{target}.{Guid.NewGuid():N}";
        Directory.CreateDirectory(building);
        try
        {
            build(building);
            Directory.Move(building, target);
        }
        catch (IOException) when (TryUse(target))
        {
            // Another process was first: its result is as good.
            Directory.Delete(building, recursive: true);
        }
        catch
        {
            Directory.Delete(building, recursive: true);
            throw;
        }
        return target;
    }

    /// <summary>Notes the use of a result if there is one. Under the lock that pruning takes for itself, so that it sees either the use or no user.</summary>
    private bool TryUse(string target)
    {
        using FileStream shared = Lock(FileAccess.Read, FileShare.Read);
        if (!Directory.Exists(target))
        {
            return false;
        }
        Directory.SetLastWriteTimeUtc(target, DateTime.UtcNow);
        return true;
    }

    private void PruneOnce()
    {
        lock (onePruning)
        {
            if (!pruned)
            {
                pruned = true;
                Prune();
            }
        }
    }

    /// <summary>Under the lock, results to be removed only change their names; what takes long comes after. A process that has loaded a library
    /// keeps it: its file lives on without a name.</summary>
    private void Prune()
    {
        List<string> removed = [];
        using (Lock(FileAccess.ReadWrite, FileShare.None))
        {
            long bytes = 0;
            DateTime now = DateTime.UtcNow;
            IEnumerable<DirectoryInfo> results = new DirectoryInfo(folder).GetDirectories()
                .Where(result => !result.Name.StartsWith(RemovedPrefix, StringComparison.Ordinal) || now - result.LastWriteTimeUtc > LongestUnused);
            foreach (DirectoryInfo result in results.OrderByDescending(result => result.LastWriteTimeUtc))
            {
                TimeSpan unused = now - result.LastWriteTimeUtc;
                bytes += SizeOf(result);
                if (unused > LongestUnused || (bytes > MostBytes && unused > InUse))
                {
                    string doomed = Path.Combine(folder, $"{RemovedPrefix}{Guid.NewGuid():N}");
                    try
                    {
                        result.MoveTo(doomed);
                        removed.Add(doomed);
                    }
                    catch (DirectoryNotFoundException)
                    {
                        // One that had lost its name before: the process that took it away, which removes it without the lock, was done first.
                    }
                }
            }
        }
        foreach (string doomed in removed)
        {
            try
            {
                Directory.Delete(doomed, recursive: true);
            }
            catch (IOException)
            {
                // Left for the next pruning, which finds it as old as this one did.
            }
        }
    }

    /// <summary>0 for a folder that another process is just removing.</summary>
    private static long SizeOf(DirectoryInfo result)
    {
        try
        {
            return result.EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>Locks are held for a moment only, so whoever comes second tries again.</summary>
    private FileStream Lock(FileAccess access, FileShare share)
    {
        for (long start = Environment.TickCount64; ;)
        {
            try
            {
                return new FileStream(Path.Combine(folder, LockFile), FileMode.OpenOrCreate, access, share);
            }
            catch (IOException) when (Environment.TickCount64 - start < LongestWait.TotalMilliseconds)
            {
                Thread.Sleep(1);
            }
        }
    }
}
