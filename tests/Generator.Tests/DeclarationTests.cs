using System.Reflection;
using System.Runtime.Loader;
using System.Text;
using Microsoft.CodeAnalysis;

namespace SkipSoftmax.Generator.Tests;

/// <summary>Whatever form a valid declaration has, the project compiles without a warning, as strict as it may be.</summary>
public class DeclarationTests
{
    private const string Attribute = "[SkipSoftmaxAttention(HeadDim = 64, Targets = GpuTargets.Sm90)]";
    private const string Parameters = "AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold";

    public static TheoryData<string> Forms =>
    [
        $$"""namespace N { /** <summary>U</summary> */ public static partial class U { /** <summary>M</summary> */ {{Attribute}} public static partial void M({{Parameters}}); } }""",
        $$"""namespace N.@class.P; internal partial class U { {{Attribute}} public partial void M({{Parameters}}); }""",
        $$"""partial class U { {{Attribute}} private static partial void M({{Parameters}}); static void Call({{Parameters}}) => M(context, in inputs, output, threshold); }""",
        $$"""partial class U { {{Attribute}} partial void M({{Parameters}}); void Call({{Parameters}}) => M(context, in inputs, output, threshold); }""",
        $$"""partial class U { {{Attribute}} static partial void M({{Parameters}}); }""",
        $$"""partial class U { {{Attribute}} protected internal partial void M({{Parameters}}); }""",
        $$"""partial class U { {{Attribute}} private protected partial void M({{Parameters}}); }""",
        $$"""partial class U { {{Attribute}} protected virtual partial void M({{Parameters}}); }""",
        $$"""sealed partial class U { {{Attribute}} public unsafe partial void M({{Parameters}}); }""",
        $$"""partial struct U { {{Attribute}} internal readonly partial void M({{Parameters}}); }""",
        $$"""readonly ref partial struct U { {{Attribute}} internal static partial void M({{Parameters}}); }""",
        $$"""partial record U(int X) { {{Attribute}} internal partial void M({{Parameters}}); }""",
        $$"""readonly partial record struct U(int X) { {{Attribute}} internal static partial void M({{Parameters}}); }""",
        $$"""partial interface I { partial class U { {{Attribute}} internal static partial void M({{Parameters}}); } }""",
        $$"""partial record struct R { partial class @event { private partial struct @record { {{Attribute}} internal static partial void @void({{Parameters}}); } } }""",
        $$"""partial class @lower { {{Attribute}} internal static partial void m({{Parameters}}); }""",
        $$"""partial class U { {{Attribute}} internal static partial void M(AttentionContext @this, in AttentionInputs @in, AttentionOutput @out, SkipThreshold @default); }""",
        $$"""partial class U { {{Attribute}} internal static partial void M(AttentionContext context, scoped in AttentionInputs inputs, scoped AttentionOutput output, scoped SkipThreshold threshold = default); }""",
        $$"""static partial class U { {{Attribute}} internal static partial void M(this AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold); }""",
        $$"""partial class U { {{Attribute}} internal static partial void A({{Parameters}}); {{Attribute}} internal static partial void B({{Parameters}}); {{Attribute}} internal static partial void a({{Parameters}}); }""",
        $$"""partial class Ab { {{Attribute}} internal static partial void M({{Parameters}}); } partial class AB { {{Attribute}} internal static partial void M({{Parameters}}); }""",
        $$"""partial class U { {{Attribute}} internal static partial void M({{Parameters}}); internal static void M() { } }""",
        $$"""partial class U { {{Attribute}} internal static partial void M({{Parameters}}); } partial class V : U { {{Attribute}} internal static new partial void M({{Parameters}}); }""",
        $$"""partial class U { {{Attribute}} internal virtual partial void M({{Parameters}}); } partial class V : U { {{Attribute}} internal sealed override partial void M({{Parameters}}); }""",
        $$"""partial class Größe { {{Attribute}} internal static partial void 注意({{Parameters}}); }""",
        """partial class U { [SkipSoftmaxAttention(HeadDim = 96, Threshold = ThresholdMode.Off)] internal static partial void M(AttentionContext context, in AttentionInputs inputs, AttentionOutput output); }""",
        """using A = SkipSoftmax.SkipSoftmaxAttentionAttribute; partial class U { const int D = 32; [A(HeadDim = 2 * D, Element = ElementType.Float32)] internal static partial void M(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold); }""",
        $$"""
        namespace System.Inner { internal class Type; }
        namespace Outer.SkipSoftmax
        {
            using global::SkipSoftmax;
            partial class System { {{Attribute}} internal static partial void Global({{Parameters}}); }
        }
        """,
        """
        #nullable disable
        partial class U { [SkipSoftmaxAttention(HeadDim = 64)] internal static partial void M(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold); }
        """,
        """
        #pragma warning disable CS8981
        partial class lower { [SkipSoftmaxAttention(HeadDim = 64)] internal static partial void M(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold); }
        partial class lower { public static void Caller(AttentionContext context, in AttentionInputs inputs, AttentionOutput output) => M(context, inputs, output, default); }
        """,
    ];

    [Theory]
    [MemberData(nameof(Forms))]
    public void Valid_declaration_compiles_without_a_warning(string form)
    {
        BuildResult result = UserProject.Build("using SkipSoftmax;\n" + form);

        Assert.Empty(result.Reported);
        Assert.NotEmpty(result.GeneratedTrees);
        Assert.True(!result.CompilerDiagnostics.Any(), string.Join("\n", result.CompilerDiagnostics));
    }

    [Fact]
    public void Descriptor_of_a_public_declaration_is_public_and_documented()
    {
        BuildResult result = UserProject.Build($$"""
            using SkipSoftmax;
            namespace N;
            /// <summary>U</summary>
            public static partial class U
            {
                /// <summary>M</summary>
                {{Attribute}}
                public static partial void M({{Parameters}});
            }
            """);

        INamedTypeSymbol descriptor = result.Compilation.GetTypeByMetadataName("N.U+MDescriptor")!;
        Assert.Equal(Accessibility.Public, descriptor.DeclaredAccessibility);
        Assert.All([descriptor, .. descriptor.GetMembers().Where(member => !member.IsImplicitlyDeclared && member.DeclaredAccessibility == Accessibility.Public && member is not IMethodSymbol { MethodKind: MethodKind.PropertyGet })],
            member => Assert.NotEqual("", member.GetDocumentationCommentXml()));
        Assert.DoesNotContain("unsafe", result.SingleGeneratedText);
    }

    [Fact]
    public void Kernel_text_in_the_descriptor_is_the_specialized_text()
    {
        BuildResult result = UserProject.Build($$"""
            using SkipSoftmax;
            internal static partial class U { {{Attribute}} public static partial void M({{Parameters}}); }
            """);

        Assembly assembly = Load(result.Compilation);
        GetKernelText text = assembly.GetType("U+MDescriptor")!.GetMethod("GetKernelText")!.CreateDelegate<GetKernelText>();
        string expected = FakeTemplates.Library.Specialize(SkipSoftmax.Generator.Variants.Sm90PrefillSelection.MakeVariant(
            Requests.Default with { HeadDim = 64 }, 3, 128, 2, 2));

        Assert.Equal(expected, Encoding.UTF8.GetString(text(0)));
        Assert.Equal("index", Assert.Throws<ArgumentOutOfRangeException>(() => text(1).Length).ParamName);
        Assert.Equal("index", Assert.Throws<ArgumentOutOfRangeException>(() => text(-1).Length).ParamName);
    }

    [Fact]
    public void Emitted_files_are_named_after_the_method_and_differ_where_names_differ_in_case()
    {
        BuildResult result = UserProject.Build($$"""
            using SkipSoftmax;
            namespace N;
            partial class U { {{Attribute}} static partial void M({{Parameters}}); {{Attribute}} static partial void m({{Parameters}}); }
            """);

        string[] names = [.. result.GeneratedTrees.Select(tree => Path.GetFileName(tree.FilePath))];
        Assert.Equal(2, names.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.StartsWith("N.U.M-", names[0]);
        Assert.StartsWith("N.U.m-", names[1]);
    }

    private delegate ReadOnlySpan<byte> GetKernelText(int index);

    private static Assembly Load(Compilation compilation)
    {
        using MemoryStream image = new();
        Assert.True(compilation.Emit(image).Success);
        image.Position = 0;
        return new AssemblyLoadContext(null).LoadFromStream(image);
    }
}
