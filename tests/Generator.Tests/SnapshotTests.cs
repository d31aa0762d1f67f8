using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using SkipSoftmax.Generator.Specialization;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator.Tests;

/// <summary>The whole output for a matrix of declarations, from the shipped templates: C# in <c>Name.verified.cs</c>, CUDA in <c>Name.verified.cu</c>.</summary>
public class SnapshotTests
{
    public static TheoryData<string> Names => [.. SnapshotDeclarations.Sources.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Generated_code_is_what_was_accepted(string name)
    {
        SyntaxTree tree = Generate(name);
        SyntaxNode root = tree.GetRoot();

        // The kernel text stands in a .cu file; the other test compares it.
        string withoutText = root
            .ReplaceTokens(KernelTexts(root), (token, _) => SyntaxFactory.Token(token.LeadingTrivia, token.Kind(), $"<text of {FileOf(name, token)}.verified.cu>", "", token.TrailingTrivia))
            .ToFullString();

        Snapshot.Verify(name, "cs", withoutText.Replace(typeof(SkipSoftmaxGenerator).Assembly.GetName().Version!.ToString(3), "<version>"));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Kernel_text_is_what_was_accepted(string name)
    {
        SyntaxTree tree = Generate(name);
        SyntaxToken[] texts = [.. KernelTexts(tree.GetRoot())];

        Assert.Equal(TextFiles(name), texts.Select(text => FileOf(name, text)));
        foreach (SyntaxToken text in texts)
        {
            Snapshot.Verify(FileOf(name, text), "cu", text.ValueText);
        }
    }

    [Fact]
    public void Matrix_covers_every_value_of_the_attribute()
    {
        string all = string.Concat(SnapshotDeclarations.Sources.Values);
        foreach (PropertyInfo property in typeof(SkipSoftmaxAttentionAttribute).GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        {
            IEnumerable<string> values =
                property.PropertyType.IsEnum ? Enum.GetNames(property.PropertyType).Select(value => $"{property.PropertyType.Name}.{value}")
                : property.PropertyType == typeof(bool) ? ["true", "false"]
                : property.Name == "PageSize" ? ["64"]
                : property.Name == "MaxQueryLength" ? ["4"]
                : (property.Name == "HeadDim" ? DeclarationValues.HeadDims : DeclarationValues.Blocks).Select(value => $"{value}");
            Assert.All(values, value => Assert.Contains($"{property.Name} = {value}", all));
        }
    }

    [Fact]
    public void Every_accepted_file_belongs_to_a_declaration() => Assert.Equal(
        SnapshotDeclarations.Sources.Keys.Select(name => name + ".verified.cs")
            .Concat(SnapshotDeclarations.Sources.Keys.SelectMany(TextFiles).Select(file => file + ".verified.cu")).Order(),
        Directory.GetFiles(RepositoryFiles.Snapshots, "*.verified.*").Select(Path.GetFileName).Order());

    [Fact]
    public void Changed_output_fails_with_the_difference_and_how_to_accept_it()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "X.verified.cs"), "one\n1\n2\n3\n4\nfive\nsix\n");

            Exception failure = Assert.ThrowsAny<Exception>(() => Snapshot.Verify(folder, "X", "cs", "one\n1\n2\n3\n4\nFIVE\nsix\n"));

            Assert.Contains(Snapshot.AcceptCommand, failure.Message);
            Assert.Contains("  …\n  2\n  3\n  4\n- five\n+ FIVE\n  six\n", failure.Message.ReplaceLineEndings("\n"));
            Assert.Equal("one\n1\n2\n3\n4\nFIVE\nsix\n", File.ReadAllText(Path.Combine(folder, "X.received.cs")));
            Assert.ThrowsAny<Exception>(() => Snapshot.Verify(folder, "New", "cs", "text"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Unchanged_output_passes_and_leaves_nothing_behind()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "X.verified.cs"), "one\n");

            Snapshot.Verify(folder, "X", "cs", "one\n");

            Assert.Equal(["X.verified.cs"], Directory.GetFiles(folder).Select(Path.GetFileName));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static SyntaxTree Generate(string name)
    {
        BuildResult result = UserProject.Build("using SkipSoftmax;\n\n" + SnapshotDeclarations.Sources[name], TemplateLibrary.Embedded);
        Assert.True(!result.CompilerDiagnostics.Any(), string.Join("\n", result.CompilerDiagnostics));
        Assert.Empty(result.Reported);
        return Assert.Single(result.GeneratedTrees);
    }

    /// <summary>The files that a declaration's kernel texts are kept in, in the order of their targets.</summary>
    private static IEnumerable<string> TextFiles(string name) => Enum.GetValues<GpuTargets>()
        .Where(target => target != GpuTargets.None && SnapshotDeclarations.Sources[name].Contains($"GpuTargets.{target}", StringComparison.Ordinal))
        .Select(target => FileOf(name, target.ToString().ToLowerInvariant()));

    /// <summary>By the target that the text's first line names.</summary>
    private static string FileOf(string name, SyntaxToken text) => FileOf(name, text.ValueText["// ".Length..text.ValueText.IndexOf('_', StringComparison.Ordinal)]);

    private static string FileOf(string name, string target) => target == "sm90" ? name : $"{name}_{target}";

    private static IEnumerable<SyntaxToken> KernelTexts(SyntaxNode root) =>
        root.DescendantTokens().Where(token => token.IsKind(SyntaxKind.Utf8MultiLineRawStringLiteralToken));
}
