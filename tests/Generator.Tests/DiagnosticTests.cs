using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using SkipSoftmax.Generator.Diagnostics;
using SkipSoftmax.Generator.Specialization;

namespace SkipSoftmax.Generator.Tests;

/// <summary>Each mistake is reported once, with this text, at the place between <c>⟦</c> and <c>⟧</c>; and nothing is generated for it.</summary>
public class DiagnosticTests
{
    private const string Parameters = "AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold";

    public static TheoryData<string, string, string> MistakesInMembers => new()
    {
        {
            "SSG001", "'M' cannot be implemented by the generator: declare it 'partial'",
            $"[SkipSoftmaxAttention(HeadDim = 64)] public static extern void ⟦M⟧({Parameters});"
        },
        {
            "SSG001", "'M' cannot be implemented by the generator: declare it 'partial'",
            $"[SkipSoftmaxAttention(HeadDim = 64)] public static void ⟦M⟧({Parameters});"
        },
        {
            "SSG001", "'M' cannot be implemented by the generator: remove its body and end the declaration with ';'",
            $$"""[SkipSoftmaxAttention(HeadDim = 64)] public static partial void ⟦M⟧({{Parameters}}) { }"""
        },
        {
            "SSG001", "'M' cannot be implemented by the generator: remove its body and end the declaration with ';'",
            $"[SkipSoftmaxAttention(HeadDim = 64)] public static void ⟦M⟧({Parameters}) => throw null!;"
        },
        {
            "SSG001", "'M' cannot be implemented by the generator: remove 'extern'",
            $"[SkipSoftmaxAttention(HeadDim = 64)] public static extern partial void ⟦M⟧({Parameters});"
        },
        {
            "SSG001", "'M' cannot be implemented by the generator: remove the other part, which has a body",
            $$"""
            [SkipSoftmaxAttention(HeadDim = 64)] public static partial void ⟦M⟧({{Parameters}});
            public static partial void M({{Parameters}}) { }
            """
        },
        {
            "SSG001", "'This function' cannot be implemented by the generator: put the attribute on a partial method",
            """public int P { [⟦SkipSoftmaxAttention(HeadDim = 64)⟧] get; }"""
        },
        {
            "SSG001", "'This function' cannot be implemented by the generator: put the attribute on a partial method",
            """void F() { [⟦SkipSoftmaxAttention(HeadDim = 64)⟧] static void Local() { } }"""
        },
        {
            "SSG002", "'M' must return void, not 'int': results are written to the AttentionOutput argument",
            $"[SkipSoftmaxAttention(HeadDim = 64)] public static partial ⟦int⟧ M({Parameters});"
        },
        {
            "SSG003",
            "'M' must have the parameters (AttentionContext, in AttentionInputs, AttentionOutput, SkipThreshold), but it has ()",
            "[SkipSoftmaxAttention(HeadDim = 64)] public static partial void M⟦()⟧;"
        },
        {
            "SSG003",
            "'M' must have the parameters (AttentionContext, in AttentionInputs, AttentionOutput, SkipThreshold), but it has (AttentionContext, in int, AttentionOutput, SkipThreshold)",
            "[SkipSoftmaxAttention(HeadDim = 64)] public static partial void M(AttentionContext context, ⟦in int inputs⟧, AttentionOutput output, SkipThreshold threshold);"
        },
        {
            "SSG003",
            "'M' must have the parameters (AttentionContext, in AttentionInputs, AttentionOutput), but it has (AttentionContext, AttentionOutput, in AttentionInputs)",
            "[SkipSoftmaxAttention(HeadDim = 64, Threshold = ThresholdMode.Off)] public static partial void M(AttentionContext context, ⟦AttentionOutput output⟧, in AttentionInputs inputs);"
        },
        {
            "SSG003",
            "'M' must have the parameters (AttentionContext, in AttentionInputs, AttentionOutput, SkipThreshold), but it has (AttentionContext, in AttentionInputs, AttentionOutput, SkipThreshold, float)",
            $"[SkipSoftmaxAttention(HeadDim = 64)] public static partial void M({Parameters}, ⟦float scale⟧);"
        },
        {
            "SSG003",
            "'M' must have the parameters (AttentionContext, in AttentionInputs, AttentionOutput, SkipThreshold), but it has (AttentionContext?, in AttentionInputs, AttentionOutput, SkipThreshold)",
            "[SkipSoftmaxAttention(HeadDim = 64)] public static partial void M(⟦AttentionContext? context⟧, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);"
        },
        {
            "SSG004", "Parameter 'inputs' of 'M' must be passed by 'in', not by value",
            "[SkipSoftmaxAttention(HeadDim = 64)] public static partial void M(AttentionContext context, ⟦AttentionInputs inputs⟧, AttentionOutput output, SkipThreshold threshold);"
        },
        {
            "SSG004", "Parameter 'inputs' of 'M' must be passed by 'in', not by 'ref readonly'",
            "[SkipSoftmaxAttention(HeadDim = 64)] public static partial void M(AttentionContext context, ⟦ref readonly AttentionInputs inputs⟧, AttentionOutput output, SkipThreshold threshold);"
        },
        {
            "SSG004", "Parameter 'output' of 'M' must be passed by value, not by 'ref'",
            "[SkipSoftmaxAttention(HeadDim = 64)] public static partial void M(AttentionContext context, in AttentionInputs inputs, ⟦ref AttentionOutput output⟧, SkipThreshold threshold);"
        },
        {
            "SSG005",
            "'M' is declared with Threshold = ThresholdMode.ContextScaled but takes no SkipThreshold: add it as the last parameter, or declare Threshold = ThresholdMode.Off",
            "[SkipSoftmaxAttention(HeadDim = 64)] public static partial void M⟦(AttentionContext context, in AttentionInputs inputs, AttentionOutput output)⟧;"
        },
        {
            "SSG005",
            "'M' is declared with Threshold = ThresholdMode.Off and takes a SkipThreshold: remove the parameter, or choose another mode",
            "[SkipSoftmaxAttention(HeadDim = 64, Threshold = ThresholdMode.Off)] public static partial void M(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, ⟦SkipThreshold threshold⟧);"
        },
        {
            "SSG006", "'M' is generic, and an attention method is specialized at compile time: remove its type parameters, or declare 'M' in a type without them",
            $"[SkipSoftmaxAttention(HeadDim = 64)] public static partial void M⟦<T>⟧({Parameters});"
        },
        {
            "SSG006", "'G' is generic, and an attention method is specialized at compile time: remove its type parameters, or declare 'M' in a type without them",
            $$"""partial struct G<T> { partial record N { [SkipSoftmaxAttention(HeadDim = 64)] public static partial void ⟦M⟧({{Parameters}}); } }"""
        },
        {
            "SSG007", "The generator cannot add to 'N', which contains 'M': declare it 'partial'",
            $$"""class ⟦N⟧ { [SkipSoftmaxAttention(HeadDim = 64)] public static partial void M({{Parameters}}); }"""
        },
        {
            "SSG007", "The generator cannot add to 'O', which contains 'M': declare it 'partial'",
            $$"""class ⟦O⟧ { partial class N { [SkipSoftmaxAttention(HeadDim = 64)] public static partial void M({{Parameters}}); } }"""
        },
        {
            "SSG007", "The generator cannot add to 'I', which contains 'M': declare the method in a class or a struct",
            $$"""partial interface ⟦I⟧ { [SkipSoftmaxAttention(HeadDim = 64)] public static partial void M({{Parameters}}); }"""
        },
        {
            "SSG008", "HeadDim is missing: set HeadDim to 64, 96, 128, 192 or 256",
            $"[⟦SkipSoftmaxAttention⟧] public static partial void M({Parameters});"
        },
        {
            "SSG008", "HeadDim = 80 is not supported: set HeadDim to 64, 96, 128, 192 or 256",
            $"[SkipSoftmaxAttention(HeadDim = ⟦80⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG008", "HeadDim = -64 is not supported: set HeadDim to 64, 96, 128, 192 or 256",
            $"[SkipSoftmaxAttention(HeadDim = ⟦-64⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG009", "QueryBlock = 32 is not supported: set it to 64 or 128",
            $"[SkipSoftmaxAttention(HeadDim = 64, QueryBlock = ⟦32⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG009", "KeyBlock = 0 is not supported: set it to 64 or 128",
            $"[SkipSoftmaxAttention(HeadDim = 64, KeyBlock = ⟦0⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG010", "Phase = 2 is not a value of AttentionPhase: use AttentionPhase.Prefill, AttentionPhase.Decode",
            $"[SkipSoftmaxAttention(HeadDim = 64, Phase = ⟦(AttentionPhase)2⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG010",
            "Threshold = -1 is not a value of ThresholdMode: use ThresholdMode.Off, ThresholdMode.Fixed, ThresholdMode.ContextScaled, ThresholdMode.PerSequence, ThresholdMode.TargetSparsity",
            $"[SkipSoftmaxAttention(HeadDim = 64, Threshold = ⟦(ThresholdMode)(-1)⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG010", "Mask = 9 is not a value of AttentionMask: use AttentionMask.None, AttentionMask.Causal",
            $"[SkipSoftmaxAttention(HeadDim = 64, Mask = ⟦(AttentionMask)9⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG010", "Element = 3 is not a value of ElementType: use ElementType.Float16, ElementType.BFloat16, ElementType.Float32",
            $"[SkipSoftmaxAttention(HeadDim = 64, Element = ⟦(ElementType)3⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG010", "Order = 5 is not a value of TileOrder: use TileOrder.Descending, TileOrder.Ascending, TileOrder.SinkFirst",
            $"[SkipSoftmaxAttention(HeadDim = 64, Order = ⟦(TileOrder)5⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG010", "Targets = 5 is not a value of GpuTargets: use GpuTargets.None, GpuTargets.Sm90, GpuTargets.Sm100",
            $"[SkipSoftmaxAttention(HeadDim = 64, Targets = ⟦(GpuTargets)4 | GpuTargets.Sm90⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG011",
            "Element = ElementType.Float32 runs on the CPU path only, but Targets asks for GpuTargets.Sm90: use ElementType.Float16 or ElementType.BFloat16, or Targets = GpuTargets.None",
            $"[SkipSoftmaxAttention(HeadDim = 64, Element = ⟦ElementType.Float32⟧, Targets = GpuTargets.Sm90)] public static partial void M({Parameters});"
        },
        {
            "SSG012", "'User' already has an attention method named 'M', and the descriptor is named after the method: rename this one",
            $$"""
            [SkipSoftmaxAttention(HeadDim = 64)] public static partial void M({{Parameters}});
            [SkipSoftmaxAttention(HeadDim = 64, Threshold = ThresholdMode.Off)] public static partial void ⟦M⟧(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);
            """
        },
        {
            "SSG013", "The descriptor of 'M' would be named 'MDescriptor', and 'User' already has a member of that name: rename one of them",
            $"[SkipSoftmaxAttention(HeadDim = 64)] public static partial void ⟦M⟧({Parameters}); public int MDescriptor;"
        },
        {
            "SSG013", "The descriptor of 'M' would be named 'MDescriptor', and that is the name of the type around it: rename one of them",
            $$"""partial class MDescriptor { [SkipSoftmaxAttention(HeadDim = 64)] public static partial void ⟦M⟧({{Parameters}}); }"""
        },
        {
            "SSG015",
            "HeadDim = 96 has no Decode kernel for GpuTargets.Sm100: use HeadDim 64, 128, 256, or remove GpuTargets.Sm100 from Targets (with GpuTargets.None the declaration runs on the CPU path)",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = ⟦96⟧, Targets = GpuTargets.Sm100)] public static partial void M({Parameters});"
        },
        {
            "SSG015",
            "HeadDim = 192 has no Decode kernel for GpuTargets.Sm90: use HeadDim 64, 128, 256, or remove GpuTargets.Sm90 from Targets (with GpuTargets.None the declaration runs on the CPU path)",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = ⟦192⟧, Targets = GpuTargets.Sm90)] public static partial void M({Parameters});"
        },
        {
            "SSG016",
            "'M' does not fit GpuTargets.Sm90: keys of a decision would be 128, and the limit is 64; use KeyBlock = 64",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 128, KeyBlock = ⟦128⟧, Targets = GpuTargets.Sm90)] public static partial void M({Parameters});"
        },
        {
            "SSG015",
            "HeadDim = 96 has no Prefill kernel for GpuTargets.Sm100: use HeadDim 64, 128, or remove GpuTargets.Sm100 from Targets (with GpuTargets.None the declaration runs on the CPU path)",
            $"[SkipSoftmaxAttention(HeadDim = ⟦96⟧, Targets = GpuTargets.Sm100)] public static partial void M({Parameters});"
        },
        {
            "SSG016",
            "'M' does not fit GpuTargets.Sm100: columns of tensor memory for two query tiles would be 640, and the limit is 512; use HeadDim 64 or 128, or remove the target",
            $"[SkipSoftmaxAttention(HeadDim = ⟦192⟧, Targets = GpuTargets.Sm90 | GpuTargets.Sm100)] public static partial void M({Parameters});"
        },
        {
            "SSG016",
            "'M' does not fit GpuTargets.Sm100: columns of tensor memory for two query tiles would be 768, and the limit is 512; use HeadDim 64 or 128, or remove the target",
            $"[SkipSoftmaxAttention(KeyBlock = 128, HeadDim = ⟦256⟧, Targets = GpuTargets.Sm100)] public static partial void M({Parameters});"
        },
        {
            "SSG015",
            "HeadDim = 96 has no Prefill kernel for GpuTargets.Sm90: use HeadDim 64, 128, 192, 256, or remove GpuTargets.Sm90 from Targets (with GpuTargets.None the declaration runs on the CPU path)",
            $"[SkipSoftmaxAttention(HeadDim = ⟦96⟧, Targets = GpuTargets.Sm90)] public static partial void M({Parameters});"
        },
        {
            "SSG016", "'M' does not fit GpuTargets.Sm90: registers of a consumer thread would be 256, and the limit is 232; use KeyBlock = 64",
            $"[SkipSoftmaxAttention(HeadDim = 256, KeyBlock = ⟦128⟧, Targets = GpuTargets.Sm90)] public static partial void M({Parameters});"
        },
        {
            "SSG010",
            "KvLayout = 2 is not a value of KvLayout: use KvLayout.Contiguous, KvLayout.Paged",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, KvLayout = ⟦(KvLayout)2⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG019",
            "Order does not apply to AttentionPhase.Decode: a tile is judged against the sink tile and the newest tile, in no order; remove it",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, Order = ⟦TileOrder.Descending⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG019",
            "QueryBlock does not apply to AttentionPhase.Decode: all query rows that share a key/value head decide together; remove it",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, QueryBlock = ⟦64⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG019",
            "KvLayout does not apply to AttentionPhase.Prefill: it belongs to decode; remove it, or declare Phase = AttentionPhase.Decode",
            $"[SkipSoftmaxAttention(HeadDim = 64, KvLayout = ⟦KvLayout.Contiguous⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG019",
            "PageSize does not apply to AttentionPhase.Prefill: it belongs to decode; remove it, or declare Phase = AttentionPhase.Decode",
            $"[SkipSoftmaxAttention(HeadDim = 64, PageSize = ⟦16⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG019",
            "MaxQueryLength does not apply to AttentionPhase.Prefill: it belongs to decode; remove it, or declare Phase = AttentionPhase.Decode",
            $"[SkipSoftmaxAttention(HeadDim = 64, MaxQueryLength = ⟦2⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG020",
            "KvLayout = KvLayout.Paged is declared without a PageSize: set PageSize to 16, 32, 64 or 128",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, KvLayout = ⟦KvLayout.Paged⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG020",
            "PageSize = 48 is not supported: set PageSize to 16, 32, 64 or 128",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, KvLayout = KvLayout.Paged, PageSize = ⟦48⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG020",
            "PageSize = 64 is given, but KvLayout is KvLayout.Contiguous: declare KvLayout = KvLayout.Paged, or remove it",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, PageSize = ⟦64⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG021",
            "MaxQueryLength = 9 is not supported: set it to a number from 1 to 8, or declare Phase = AttentionPhase.Prefill for more query tokens",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, MaxQueryLength = ⟦9⟧)] public static partial void M({Parameters});"
        },
        {
            "SSG021",
            "MaxQueryLength = 0 is not supported: set it to a number from 1 to 8, or declare Phase = AttentionPhase.Prefill for more query tokens",
            $"[SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, MaxQueryLength = ⟦0⟧)] public static partial void M({Parameters});"
        },
    };

    [Theory]
    [MemberData(nameof(MistakesInMembers))]
    public void Mistake_is_reported_once_where_it_is(string id, string message, string member)
    {
        AssertReported(id, message, $$"""
            using SkipSoftmax;
            namespace Test;
            public partial class User
            {
                {{member}}
            }
            """, LanguageVersion.CSharp13);
    }

    [Fact]
    public void Type_that_is_local_to_its_file_is_reported() => AssertReported("SSG007",
        "The generator cannot add to 'F', which contains 'M': generated code is in another file, so remove 'file'",
        $$"""
        using SkipSoftmax;
        file partial class ⟦F⟧ { [SkipSoftmaxAttention(HeadDim = 64)] public static partial void M({{Parameters}}); }
        """, LanguageVersion.CSharp13);

    [Fact]
    public void Old_language_version_is_reported() => AssertReported("SSG017",
        "The code generated for 'M' needs C# 11.0, and this project uses C# 10.0: set <LangVersion> to 11.0 or later",
        $$"""
        using SkipSoftmax;
        public partial class User { [SkipSoftmaxAttention(HeadDim = 64)] public static partial void ⟦M⟧({{Parameters}}); }
        """, LanguageVersion.CSharp10);

    [Fact]
    public void Duplicate_in_another_part_is_reported_on_the_later_file()
    {
        const string part = $$"""
            using SkipSoftmax;
            public partial class User { [SkipSoftmaxAttention(HeadDim = 64)] public static partial void M({{Parameters}}); }
            """;

        BuildResult result = UserProject.Build(UserProject.Compile(part, part));

        Diagnostic diagnostic = Assert.Single(result.Reported);
        Assert.Equal("SSG012", diagnostic.Id);
        Assert.Equal("User1.cs", diagnostic.Location.GetLineSpan().Path);
        Assert.Single(result.GeneratedTrees);
    }

    [Fact]
    public void Independent_mistakes_of_one_declaration_are_all_reported()
    {
        BuildResult result = UserProject.Build("""
            using SkipSoftmax;
            public class User
            {
                [SkipSoftmaxAttention(HeadDim = 1, QueryBlock = 2, Mask = (AttentionMask)3)]
                public static partial int M<T>(AttentionContext context);
            }
            """);

        Assert.Equal(["SSG002", "SSG003", "SSG006", "SSG007", "SSG008", "SSG009", "SSG010"], result.Reported.Select(diagnostic => diagnostic.Id).Order());
        Assert.Empty(result.GeneratedTrees);
    }

    [Fact]
    public void What_the_compiler_reports_is_not_reported_again()
    {
        BuildResult result = UserProject.Build("""
            using SkipSoftmax;
            public partial class User
            {
                [SkipSoftmaxAttention(HeadDim = Missing)] public static partial void A(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
                [SkipSoftmaxAttention(HeadDim = 64)] public static partial void B(AttentionContex context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
                [SkipSoftmaxAttention(64)] public static partial void C(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
                [return: SkipSoftmaxAttention(HeadDim = 64)] public static partial void D(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
            }
            """);

        Assert.Empty(result.Reported);
        Assert.Empty(result.GeneratedTrees);
        Assert.True(result.CompilerDiagnostics.Select(diagnostic => diagnostic.Id).ToHashSet().IsSupersetOf(["CS0103", "CS0246", "CS1729", "CS0592"]));
    }

    [Fact]
    public void Template_that_fails_is_reported_by_the_generator_and_throws_nothing()
    {
        BuildResult result = UserProject.Build("""
            using SkipSoftmax;
            public partial class User
            {
                [SkipSoftmaxAttention(HeadDim = 64, Targets = GpuTargets.Sm90)]
                public static partial void M(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
            }
            """, new TemplateLibrary(new Dictionary<string, string>()));

        Diagnostic diagnostic = Assert.Single(result.Reported);
        Assert.Equal("SSG018", diagnostic.Id);
        Assert.Equal(
            "The generator failed on 'User.M' and emitted nothing for it (templates/kernels/sm90_prefill.cu: there is no such template.): please report this with the declaration",
            diagnostic.GetMessage(CultureInfo.InvariantCulture));
        Assert.Empty(result.GeneratedTrees);
    }

    [Fact]
    public void Every_diagnostic_is_tested_here()
    {
        IEnumerable<string> tested = MistakesInMembers.Select(row => (string)row[0]).Concat(["SSG007", "SSG017", "SSG018"]);

        Assert.Equal(Descriptors.Select(descriptor => descriptor.Id).Order(), tested.Distinct().Order());
    }

    [Fact]
    public void Every_diagnostic_has_a_help_section_that_its_link_leads_to()
    {
        string[] lines = File.ReadAllLines(Path.Combine(RepositoryFiles.Root, "docs", "diagnostics.md"));

        Assert.Equal(
            Descriptors.Select(descriptor => "## " + descriptor.Id).Order(),
            lines.Where(line => line.StartsWith("## ", StringComparison.Ordinal)).Order());
        foreach (DiagnosticDescriptor descriptor in Descriptors)
        {
            int heading = Array.IndexOf(lines, "## " + descriptor.Id);
            Assert.Equal($"**{descriptor.Title.ToString(CultureInfo.InvariantCulture)}.**", lines[heading + 2]);
            Assert.EndsWith("/docs/diagnostics.md#" + descriptor.Id.ToLowerInvariant(), descriptor.HelpLinkUri);
        }
    }

    private static IEnumerable<DiagnosticDescriptor> Descriptors => typeof(SkipSoftmaxDiagnostics)
        .GetFields(BindingFlags.Public | BindingFlags.Static).Select(member => (DiagnosticDescriptor)member.GetValue(null)!);

    private static void AssertReported(string id, string message, string marked, LanguageVersion version)
    {
        int start = marked.IndexOf('⟦', StringComparison.Ordinal);
        int end = marked.IndexOf('⟧', StringComparison.Ordinal) - 1;
        string source = marked.Replace("⟦", "").Replace("⟧", "");
        CSharpCompilation compilation = UserProject.Compile().RemoveAllSyntaxTrees().AddSyntaxTrees(UserProject.Parse(source, version: version));

        BuildResult result = UserProject.Build(compilation);

        Diagnostic diagnostic = Assert.Single(result.Reported);
        Assert.Equal((id, message), (diagnostic.Id, diagnostic.GetMessage(CultureInfo.InvariantCulture)));
        Assert.Equal(DiagnosticSeverity.Error, diagnostic.Severity);
        Assert.Equal(source[start..end], source.Substring(diagnostic.Location.SourceSpan.Start, diagnostic.Location.SourceSpan.Length));
        Assert.Equal(TextSpan.FromBounds(start, end), diagnostic.Location.SourceSpan);
        // A duplicate leaves the first declaration as it is.
        Assert.Equal(id == "SSG012" ? 1 : 0, result.GeneratedTrees.Length);
    }
}
