using System.IO.Compression;
using System.Xml.Linq;

namespace SkipSoftmax.Packaging;

/// <summary>The package as its users get it: restored from a folder into a project outside the repository, that references nothing else.</summary>
public sealed class PackageTests(PackedPackage package) : IClassFixture<PackedPackage>
{
    private const string Generator = "analyzers/dotnet/cs/SkipSoftmax.Gen.Generator.dll";

    [Fact]
    public void Package_holds_runtime_generator_code_fixes_documentation_readme_and_licence()
    {
        using ZipArchive archive = ZipFile.OpenRead(package.Path);
        string[] ours = [.. archive.Entries.Select(entry => entry.FullName)
            .Where(name => !name.StartsWith("_rels/", StringComparison.Ordinal) && !name.StartsWith("package/", StringComparison.Ordinal) && name != "[Content_Types].xml")
            .Order(StringComparer.Ordinal)];
        Assert.Equal(["LICENSE", "README.md", "SkipSoftmax.Gen.nuspec", "analyzers/dotnet/cs/SkipSoftmax.Gen.CodeFixes.dll", Generator, "lib/net10.0/SkipSoftmax.Gen.dll", "lib/net10.0/SkipSoftmax.Gen.xml"], ours);
    }

    [Fact]
    public void Package_names_its_licence_and_readme_and_depends_on_the_runtimes_packages_only()
    {
        XElement metadata = package.Metadata;
        Assert.Equal((PackedPackage.Id, package.Version, "Apache-2.0", "README.md"), (Text("id"), Text("version"), Text("license"), Text("readme")));
        Assert.Equal(["System.Numerics.Tensors"], metadata.Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")!.Value));

        string Text(string name) => metadata.Elements().Single(element => element.Name.LocalName == name).Value;
    }

    [Fact]
    public void Package_built_in_another_folder_has_the_same_bytes()
    {
        string copy = Path.Combine(package.Folder, "another", "checkout");
        foreach (string file in Directory.EnumerateFiles(PackedPackage.Repository).Concat(
            new[] { "runtime", "generator", "templates" }.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(PackedPackage.Repository, folder), "*", SearchOption.AllDirectories))))
        {
            string name = Path.GetRelativePath(PackedPackage.Repository, file);
            if (!name.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or ".git"))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(copy, name))!);
                File.Copy(file, Path.Combine(copy, name));
            }
        }
        // The copy has no git to ask for these.
        string commit = package.Metadata.Elements().SingleOrDefault(element => element.Name.LocalName == "repository")?.Attribute("commit")?.Value ?? "";
        string built = PackedPackage.Pack(copy, Path.Combine(package.Folder, "another", "feed"),
            $"-p:MinVerVersionOverride={package.Version}", $"-p:SourceRevisionId={commit}", $"-p:RepositoryCommit={commit}", commit.Length > 0 ? "-p:RepositoryType=git" : "-p:RepositoryType=");
        Assert.Equal(ContentsOf(package.Path), ContentsOf(built));
        Assert.Equal(File.ReadAllBytes(package.Path), File.ReadAllBytes(built));
    }

    [Fact]
    public void One_reference_declares_builds_and_runs() => RequireRight(new ConsumerProject(package, package.Path).BuildAndRun());

    [Fact]
    public void Trimmed_program_has_no_warning_and_runs() => RequireRight(new ConsumerProject(package, package.Path).PublishAndRun("PublishTrimmed"));

    [SkippableFact]
    public void Native_program_has_no_warning_and_runs()
    {
        Skip.IfNot(OperatingSystem.IsWindows() || Path.Exists("/usr/bin/clang") || Path.Exists("/usr/bin/gcc"), "NativeAOT links with clang or gcc, and neither is in /usr/bin.");
        RequireRight(new ConsumerProject(package, package.Path).PublishAndRun("PublishAot"));
    }

    [Fact]
    public void Package_that_lacks_its_generator_is_noticed()
    {
        var consumer = new ConsumerProject(package, package.Without(Generator));
        Assert.Contains("CS8795", Assert.Throws<CommandException>(consumer.Build).Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> ContentsOf(string path)
    {
        using ZipArchive archive = ZipFile.OpenRead(path);
        return archive.Entries.ToDictionary(entry => entry.FullName, entry => $"{entry.Length} bytes, CRC {entry.Crc32:x8}");
    }

    private static void RequireRight(string printed)
    {
        string[] lines = printed.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal(5, lines.Length);
        Assert.Equal("backend Cpu", lines[0]);
        Assert.StartsWith("kernel sm90_prefill_fp16_d64", lines[1], StringComparison.Ordinal);
        Assert.Equal("right", lines[^1]);
    }
}
