namespace SkipSoftmax.Generator.Tests;

/// <summary>Folders of the checkout that the tests were built in.</summary>
internal static class RepositoryFiles
{
    public static string Root { get; } = FindRoot();

    public static string Snapshots { get; } = Path.Combine(Root, "tests", "Generator.Tests", "Snapshots");

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SkipSoftmax.Gen.sln")))
            {
                return folder.FullName;
            }
        }
        throw new DirectoryNotFoundException($"No SkipSoftmax.Gen.sln above {AppContext.BaseDirectory}: run the tests from a checkout.");
    }
}
