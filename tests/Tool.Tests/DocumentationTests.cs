using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using SkipSoftmax.Tool.CommandLine;
using SkipSoftmax.Tool.Declarations;

namespace SkipSoftmax.Tool.Tests;

/// <summary>What the pages show is so: snippets compile and run, commands parse, links lead somewhere, figures are what the tool gives.</summary>
public sealed class DocumentationTests
{
    private static readonly string[] layers = [RealTensors.Code, RealTensors.Layer14, RealTensors.Layer22];

    public static TheoryData<string> Pages => [.. DocumentationPage.Paths];

    public static TheoryData<string> PagesWithSnippets => [.. DocumentationPage.Paths.Where(path => new DocumentationPage(path).Sources.Count > 0)];

    [Theory]
    [MemberData(nameof(PagesWithSnippets))]
    public void Snippets_of_a_page_compile_and_run(string path)
    {
        DocumentationPage page = new(path);

        Assembly program = DeclarationCompiler.Load(page.Sources);

        foreach (MethodInfo statements in program.GetTypes().Where(type => type.Name.StartsWith("Statements", StringComparison.Ordinal)).Select(type => type.GetMethod("Run")!))
        {
            if (statements.GetParameters().Length == 0) // others take tensors of the reader's
            {
                statements.Invoke(null, null);
            }
        }
        IEnumerable<string> kernels = Declaration.ReadAll(program, path).SelectMany(declaration => declaration.Kernels).Select(kernel => kernel.Kernel.Name);
        Assert.Empty(page.KernelNames.Except(kernels));
    }

    [Fact]
    public void Snippets_are_on_the_pages_that_should_have_them() =>
        Assert.True(PagesWithSnippets.Count >= 9, $"only {PagesWithSnippets.Count} pages have snippets");

    [Theory]
    [MemberData(nameof(Pages))]
    public void Commands_of_a_page_are_the_tools(string path)
    {
        RootCommand root = ToolCommands.Create(new(TextWriter.Null, TextWriter.Null));
        foreach (string[] command in new DocumentationPage(path).Commands)
        {
            Assert.True(root.Parse(command).Errors.Count == 0, $"{path}: skip-softmax {string.Join(' ', command)}: {string.Join(' ', root.Parse(command).Errors)}");
        }
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Links_of_a_page_lead_somewhere(string path)
    {
        foreach (string link in new DocumentationPage(path).Links)
        {
            string[] parts = link.Split('#');
            string target = parts[0].Length == 0 ? path : Path.GetRelativePath(DocumentationPage.Root, Path.Combine(DocumentationPage.Root, Path.GetDirectoryName(path)!, parts[0]));
            Assert.True(File.Exists(Path.Combine(DocumentationPage.Root, target)), $"{path} links to {link}, where there is nothing.");
            Assert.True(parts.Length == 1 || new DocumentationPage(target).Anchors.Contains(parts[1]), $"{path} links to {link}, which has no such heading.");
        }
    }

    [Fact]
    public void Every_page_is_linked_from_the_readme() =>
        Assert.Empty(DocumentationPage.Paths.Where(path => path.StartsWith("docs/", StringComparison.Ordinal)).Except(new DocumentationPage("README.md").Links));

    [Fact]
    public void Every_command_of_the_tool_is_on_its_page() =>
        Assert.All(ToolCommands.Create(new(TextWriter.Null, TextWriter.Null)).Subcommands, command => Assert.Contains($"`{command.Name}", new DocumentationPage("docs/tool.md").Text));

    [Theory]
    [InlineData(0, "Prefill")]
    [InlineData(1, "Decode")]
    public void Figures_of_lambda_are_what_sweep_gives(int table, string phase)
    {
        string[][] rows = [.. new DocumentationPage("docs/choosing-lambda.md").Table("λ ", table)];
        string[] words = ["sweep", .. layers.Select(RealTensors.PathOf), "--phase", phase, "--order", "Descending", "--tile", "64x64", "--rounds", "1", "--lambda", .. rows.Select(row => row[0])];

        JsonElement[] points = [.. CommandLine.Answer(0, words).GetProperty("points").EnumerateArray()];

        Assert.Equal(layers.Length * rows.Length, points.Length);
        for (int layer = 0; layer < layers.Length; layer++)
        {
            for (int row = 0; row < rows.Length; row++)
            {
                JsonElement point = points[(layer * rows.Length) + row];
                double[] written = [.. rows[row][layer + 1].Split('/').Select(Number)];
                // The last digit, and a tile or a rounding that falls otherwise on another processor.
                Assert.Equal(written[0], 100 * point.GetProperty("sparsity").GetDouble(), 0.1);
                Assert.Equal(written[1], point.GetProperty("error").GetDouble(), 0.0001 + (0.02 * written[1]));
            }
        }
    }

    [Fact]
    public void Figures_of_calibration_are_what_calibrate_gives()
    {
        string[][] rows = [.. new DocumentationPage("docs/choosing-lambda.md").Table("prefill, fitted")];

        JsonElement phase = Assert.Single(CommandLine.Answer(1, ["calibrate", .. layers.Select(RealTensors.PathOf), "--phase", "Prefill"]).GetProperty("phases").EnumerateArray());

        double[] achieved = [.. phase.GetProperty("checks").EnumerateArray().Select(check => 100 * check.GetProperty("achieved").GetDouble())];
        double[] written = [.. rows.SelectMany(row => row[1..]).Select(Number)];
        Assert.Equal(written.Length, achieved.Length);
        Assert.All(written.Zip(achieved), pair => Assert.Equal(pair.First, pair.Second, 0.2));
        string text = new DocumentationPage("docs/choosing-lambda.md").Text;
        Assert.All(phase.GetProperty("limits").EnumerateArray(), limit =>
            Assert.Contains((100 * limit.GetProperty("worstOff").GetDouble()).ToString("f1", CultureInfo.InvariantCulture), text));
    }

    private static double Number(string cell) => double.Parse(cell.Replace("%", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
}
