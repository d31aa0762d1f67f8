using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using SkipSoftmax.Generator.Specialization;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator.Tests;

/// <summary>The whole output for a matrix of declarations, from the shipped templates: C# in <c>Name.verified.cs</c>, CUDA in <c>Name.verified.cu</c>.</summary>
public class SnapshotTests
{
    private static readonly Dictionary<string, string> Declarations = new()
    {
        ["Prefill_by_default"] = """
            namespace Models;

            /// <summary>Attention of a Llama model.</summary>
            public static partial class LlamaAttention
            {
                /// <summary>The prompt.</summary>
                [SkipSoftmaxAttention(HeadDim = 128, Targets = GpuTargets.Sm90)]
                public static partial void Prefill(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
            }
            """,
        ["Dense_full_float16"] = """
            namespace Models
            {
                internal sealed partial class Encoder
                {
                    [SkipSoftmaxAttention(HeadDim = 64, Threshold = ThresholdMode.Off, Mask = AttentionMask.None, Element = ElementType.Float16,
                        Targets = GpuTargets.Sm90, Order = TileOrder.Ascending)]
                    private partial void Encode(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);
                }
            }
            """,
        ["Fixed_threshold_128x128"] = """
            internal static partial class Experiments
            {
                [SkipSoftmaxAttention(Phase = AttentionPhase.Prefill, HeadDim = 128, QueryBlock = 128, KeyBlock = 128,
                    Threshold = ThresholdMode.Fixed, Mask = AttentionMask.Causal, Element = ElementType.BFloat16, Targets = GpuTargets.Sm90)]
                internal static partial void Coarse(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
            }
            """,
        ["Per_sequence_with_every_output"] = """
            internal partial struct Batch
            {
                private partial record Layer(int Index)
                {
                    [SkipSoftmaxAttention(HeadDim = 256, QueryBlock = 64, Threshold = ThresholdMode.PerSequence, Targets = GpuTargets.Sm90, Order = TileOrder.SinkFirst,
                        CountTiles = true, RecordDecisions = true, ReturnLse = true)]
                    internal unsafe static partial void @checked(AttentionContext @this, scoped in AttentionInputs @in, scoped AttentionOutput @out, SkipThreshold λ);
                }
            }
            """,
        ["Target_sparsity_128x64"] = """
            internal static partial class Wide
            {
                [SkipSoftmaxAttention(HeadDim = 192, QueryBlock = 128, KeyBlock = 64, Threshold = ThresholdMode.TargetSparsity,
                    Targets = GpuTargets.Sm90, Order = TileOrder.Descending, CountTiles = false, RecordDecisions = false, ReturnLse = false)]
                public static partial void Prefill(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
            }
            """,
        ["Cpu_only_decode_float32"] = """
            internal static partial class Tiny
            {
                [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 96, Threshold = ThresholdMode.ContextScaled,
                    Element = ElementType.Float32, Targets = GpuTargets.None, KvLayout = KvLayout.Contiguous)]
                internal static partial void Decode(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
            }
            """,
        ["Paged_decode"] = """
            internal static partial class Serving
            {
                [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 128, KvLayout = KvLayout.Paged, PageSize = 64, Targets = GpuTargets.Sm90)]
                internal static partial void Decode(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
            }
            """,
        ["Cpu_only_paged_decode"] = """
            internal static partial class Serving
            {
                [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 128, KvLayout = KvLayout.Paged, PageSize = 64, MaxQueryLength = 4,
                    Threshold = ThresholdMode.PerSequence, CountTiles = true)]
                internal static partial void Decode(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
            }
            """,
    };

    public static TheoryData<string> Names => [.. Declarations.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Generated_code_is_what_was_accepted(string name)
    {
        SyntaxTree tree = Generate(name);
        SyntaxNode root = tree.GetRoot();

        // The kernel text stands in the .cu file of the same name; the other test compares it.
        string withoutText = root
            .ReplaceTokens(KernelTexts(root), (token, _) => SyntaxFactory.Token(token.LeadingTrivia, token.Kind(), $"<text of {name}.verified.cu>", "", token.TrailingTrivia))
            .ToFullString();

        Snapshot.Verify(name, "cs", withoutText.Replace(typeof(SkipSoftmaxGenerator).Assembly.GetName().Version!.ToString(3), "<version>"));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Kernel_text_is_what_was_accepted(string name)
    {
        SyntaxTree tree = Generate(name);
        SyntaxToken[] texts = [.. KernelTexts(tree.GetRoot())];

        bool isCpuOnly = !Declarations[name].Contains("GpuTargets.Sm90", StringComparison.Ordinal);
        Assert.Equal(isCpuOnly ? 0 : 1, texts.Length);
        foreach (SyntaxToken text in texts)
        {
            Snapshot.Verify(name, "cu", text.ValueText);
        }
    }

    [Fact]
    public void Matrix_covers_every_value_of_the_attribute()
    {
        string all = string.Concat(Declarations.Values);
        foreach (PropertyInfo property in typeof(SkipSoftmaxAttentionAttribute).GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        {
            IEnumerable<string> values =
                property.PropertyType.IsEnum ? Enum.GetNames(property.PropertyType).Select(value => $"{property.PropertyType.Name}.{value}")
                : property.PropertyType == typeof(bool) ? ["true", "false"]
                : property.Name == "HeadDim" ? ["64", "96", "128", "192", "256"]
                : property.Name == "PageSize" ? ["64"]
                : property.Name == "MaxQueryLength" ? ["4"]
                : ["64", "128"];
            // Sm100 has no kernels, and so no output.
            Assert.All(values.Where(value => value != "GpuTargets.Sm100"), value => Assert.Contains($"{property.Name} = {value}", all));
        }
        Assert.All(Enum.GetValues<AttentionPhase>(), phase => Assert.Null(KernelFamilies.Find(GpuTargets.Sm100, phase)));
    }

    [Fact]
    public void Every_accepted_file_belongs_to_a_declaration() => Assert.Equal(
        Declarations.Keys.Select(name => name + ".verified.cs")
            .Concat(Declarations.Where(pair => pair.Value.Contains("Sm90", StringComparison.Ordinal)).Select(pair => pair.Key + ".verified.cu")).Order(),
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
        BuildResult result = UserProject.Build("using SkipSoftmax;\n\n" + Declarations[name], TemplateLibrary.Embedded);
        Assert.True(!result.CompilerDiagnostics.Any(), string.Join("\n", result.CompilerDiagnostics));
        Assert.Empty(result.Reported);
        return Assert.Single(result.GeneratedTrees);
    }

    private static IEnumerable<SyntaxToken> KernelTexts(SyntaxNode root) =>
        root.DescendantTokens().Where(token => token.IsKind(SyntaxKind.Utf8MultiLineRawStringLiteralToken));
}
