using System.Runtime.InteropServices;

namespace SkipSoftmax.Packaging;

/// <summary>A project outside the repository whose one reference is to the package, restored from a folder and into an empty one.</summary>
internal sealed class ConsumerProject
{
    private readonly string folder;

    public ConsumerProject(PackedPackage package, string packagePath)
    {
        folder = Directory.CreateDirectory(Path.Combine(package.Folder, $"consumer-{Guid.NewGuid():N}")).FullName;
        foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Consumer")))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }
        // The SDK's own packages come from the user's folder; a package of ours there would be taken for the one under test.
        string shared = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        string fallback = Directory.Exists(shared) && !Directory.Exists(PackageFolder(shared)) ? shared : "";
        File.WriteAllText(Path.Combine(folder, "Directory.Build.props"), $"""
            <Project>
              <PropertyGroup>
                <SkipSoftmaxVersion>{package.Version}</SkipSoftmaxVersion>
                <RestoreAdditionalProjectSources>{Path.GetDirectoryName(packagePath)}</RestoreAdditionalProjectSources>
                <RestorePackagesPath>{Restored}</RestorePackagesPath>
                <RestoreAdditionalProjectFallbackFolders>{fallback}</RestoreAdditionalProjectFallbackFolders>
                <NuGetAudit>false</NuGetAudit>
              </PropertyGroup>
            </Project>
            """);
    }

    private string Restored => Path.Combine(folder, "packages");

    public void Build()
    {
        Command.Dotnet(folder, "build", "-c", "Release");
        Assert.True(Directory.Exists(PackageFolder(Restored)), "The package was restored from another place than the tests'.");
    }

    /// <summary>Builds and starts the assembly; gives what it printed.</summary>
    public string BuildAndRun()
    {
        Build();
        return Command.Run(folder, "dotnet", Path.Combine("bin", "Release", "net10.0", "Consumer.dll"));
    }

    /// <summary>Publishes for this machine, and starts the executable from the published folder.</summary>
    public string PublishAndRun(string property)
    {
        string published = Path.Combine(folder, "published");
        Command.Dotnet(folder, "publish", "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", $"-p:{property}=true", "-o", published);
        return Command.Run(published, Path.Combine(published, OperatingSystem.IsWindows() ? "Consumer.exe" : "Consumer"));
    }

    private static string PackageFolder(string packages) => Path.Combine(packages, PackedPackage.Id.ToLowerInvariant());
}
