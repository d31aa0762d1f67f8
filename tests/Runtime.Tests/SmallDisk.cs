namespace SkipSoftmax.Tests;

/// <summary>A file system of 64 KiB, which a test may fill and make read-only.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly TemporaryFolder folder;

    private SmallDisk(TemporaryFolder folder) => this.folder = folder;

    public static implicit operator string(SmallDisk disk) => disk.folder;

    /// <summary>Skips the test where it can't be had.</summary>
    public static SmallDisk Mount()
    {
        Skip.IfNot(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root can mount a small file system.");
        var folder = new TemporaryFolder();
        if (Child.Run("mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder) != 0)
        {
            folder.Dispose();
            Skip.If(true, "mount is not allowed here.");
        }
        return new(folder);
    }

    public void MakeReadOnly() => Assert.Equal(0, Child.Run("mount", "-o", "remount,ro", folder));

    public void Dispose()
    {
        Assert.Equal(0, Child.Run("umount", folder));
        folder.Dispose();
    }
}
