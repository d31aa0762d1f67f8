namespace SkipSoftmax.Tests;

/// <summary>A folder of one test, writable by its owner only.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("skip-softmax-test-").FullName;

    public static implicit operator string(TemporaryFolder folder) => folder.Path;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
