using System.IO.Compression;
using System.Reflection;
using System.Xml.Linq;

namespace SkipSoftmax.Packaging;

/// <summary>The package made of what was built beside these tests, in a folder of its own.</summary>
public sealed class PackedPackage : IDisposable
{
    public const string Id = "SkipSoftmax.Gen";

    public PackedPackage()
    {
        // Without a build: other tests may be reading the assemblies.
        Path = Pack(Repository, System.IO.Path.Combine(Folder, "feed"), "--no-build");
    }

    /// <summary>Of the checkout that the tests were built in.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>Where tests may leave what they make: outside the repository, so that nothing of it is inherited.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("skip-softmax-package-").FullName;

    public string Path { get; }

    public string Version => System.IO.Path.GetFileNameWithoutExtension(Path)[(Id.Length + 1)..];

    /// <summary>Of the <c>.nuspec</c>.</summary>
    public XElement Metadata
    {
        get
        {
            using ZipArchive archive = ZipFile.OpenRead(Path);
            using Stream stream = archive.GetEntry($"{Id}.nuspec")!.Open();
            return XDocument.Load(stream).Root!.Elements().Single();
        }
    }

    /// <summary>Packs a checkout; the package is the only one in <paramref name="feed"/>.</summary>
    public static string Pack(string repository, string feed, params string[] options)
    {
        string configuration = typeof(PackedPackage).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        Command.Dotnet(repository, ["pack", "runtime/SkipSoftmax.Gen.csproj", "-c", configuration, "-o", feed, .. options]);
        return Assert.Single(Directory.GetFiles(feed, "*.nupkg"));
    }

    /// <summary>A copy, in a feed of its own, that lacks one file.</summary>
    public string Without(string file)
    {
        string copy = System.IO.Path.Combine(Directory.CreateDirectory(System.IO.Path.Combine(Folder, $"feed-{Guid.NewGuid():N}")).FullName, System.IO.Path.GetFileName(Path));
        File.Copy(Path, copy);
        using ZipArchive archive = ZipFile.Open(copy, ZipArchiveMode.Update);
        archive.GetEntry(file)!.Delete();
        return copy;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static string FindRepository()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "SkipSoftmax.Gen.sln")))
            {
                return folder.FullName;
            }
        }
        throw new DirectoryNotFoundException($"No SkipSoftmax.Gen.sln above {AppContext.BaseDirectory}: run the tests from a checkout.");
    }
}
