using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace SkipSoftmax.Generator.Tests;

public class IncrementalTests
{
    private const string Declaration = """
        using SkipSoftmax;

        namespace Models;

        public static partial class LlamaAttention
        {
            [SkipSoftmaxAttention(HeadDim = 128, Targets = GpuTargets.Sm90)]
            public static partial void Prefill(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

            [SkipSoftmaxAttention(HeadDim = 128, Phase = AttentionPhase.Decode, Threshold = ThresholdMode.Off)]
            public static partial void Decode(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);
        }
        """;

    private const string Unrelated = "internal class Other { public int Value = 1; }";

    private static readonly string[] Steps = [SkipSoftmaxGenerator.DeclarationsStep, SkipSoftmaxGenerator.SourcesStep];

    [Fact]
    public void First_run_tracks_every_step()
    {
        CSharpCompilation compilation = UserProject.Compile(Declaration, Unrelated);

        GeneratorRunResult result = Run(UserProject.MakeDriver(FakeTemplates.Library), compilation, out _);

        Assert.All(Steps, step => Assert.Equal([IncrementalStepRunReason.New, IncrementalStepRunReason.New], Reasons(result, step)));
        Assert.Equal(2, result.GeneratedSources.Length);
    }

    [Theory]
    [InlineData(1, "= 1;", "= 2;")]
    [InlineData(1, "internal class Other", "internal class Renamed { } internal class Other")]
    [InlineData(0, "namespace Models;\n", "\n\n\nnamespace Models;  // moved\n\n")]
    [InlineData(0, "HeadDim = 128, Targets", "HeadDim   =\n    128,  /* same */ Targets")]
    [InlineData(0, "    public static partial void Prefill(AttentionContext context, ", "public static\tpartial void Prefill(\n\n   AttentionContext context,\n ")]
    [InlineData(0, "public static partial class LlamaAttention\n{", "/// <summary>Docs.</summary>\npublic static partial class LlamaAttention\n{\n    private const int Unrelated = 1;\n")]
    public void Edit_that_changes_no_declaration_recomputes_nothing(int file, string before, string after)
    {
        GeneratorRunResult result = RunTwice(file, before, after);

        Assert.All(Steps, step => Assert.All(Reasons(result, step),
            reason => Assert.True(reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, $"{step}: {reason}")));
        Assert.All(
            result.TrackedOutputSteps.SelectMany(step => step.Value).SelectMany(run => run.Outputs),
            output => Assert.Equal(IncrementalStepRunReason.Cached, output.Reason));
    }

    [Theory]
    [InlineData("HeadDim = 128, Targets", "HeadDim = 64, Targets")]
    [InlineData("Targets = GpuTargets.Sm90", "Targets = GpuTargets.None")]
    [InlineData("AttentionOutput output, SkipThreshold threshold", "AttentionOutput result, SkipThreshold threshold")]
    [InlineData("public static partial void Prefill", "internal static partial void Prefill")]
    public void Edit_of_one_declaration_recomputes_that_one_only(string before, string after)
    {
        GeneratorRunResult result = RunTwice(file: 0, before, after);

        Assert.All(Steps, step => Assert.Equal([IncrementalStepRunReason.Modified, IncrementalStepRunReason.Cached], Reasons(result, step)));
    }

    [Fact]
    public void No_model_holds_on_to_the_compilation()
    {
        CSharpCompilation compilation = UserProject.Compile(Declaration, Unrelated);

        GeneratorRunResult result = Run(UserProject.MakeDriver(FakeTemplates.Library), compilation, out _);

        object[] models = [.. Steps.SelectMany(step => result.TrackedSteps[step]).SelectMany(run => run.Outputs).Select(output => output.Value)];
        Assert.Equal(4, models.Length);
        Assert.All(models, model => Assert.Null(FindCompilerObject(model)));
    }

    public static TheoryData<string> CompilerObjects => ["compilation", "symbol", "node", "tree", "location", "text", "array", "field of a base type", "struct"];

    [Theory]
    [MemberData(nameof(CompilerObjects))]
    public void Walk_finds_a_compiler_object_wherever_it_hides(string kind)
    {
        CSharpCompilation compilation = UserProject.Compile(Unrelated);
        SyntaxTree tree = compilation.SyntaxTrees[0];
        object hidden = kind switch
        {
            "compilation" => compilation,
            "symbol" => compilation.GetTypeByMetadataName("Other")!,
            "node" => tree.GetRoot(),
            "tree" => tree,
            "location" => tree.GetRoot().GetLocation(),
            "text" => tree.GetText(),
            "array" => ImmutableArray.Create<object>("a", new[] { tree.GetRoot() }),
            "field of a base type" => new Derived(compilation),
            "struct" => (1, (2, compilation.Assembly)),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
        };

        Assert.NotNull(FindCompilerObject(new Holder(hidden)));
    }

    private static GeneratorRunResult RunTwice(int file, string before, string after)
    {
        CSharpCompilation compilation = UserProject.Compile(Declaration, Unrelated);
        Run(UserProject.MakeDriver(FakeTemplates.Library), compilation, out GeneratorDriver driver);
        SyntaxTree tree = compilation.SyntaxTrees[file];
        string text = tree.ToString();
        Assert.Contains(before, text);
        return Run(driver, compilation.ReplaceSyntaxTree(tree, tree.WithChangedText(SourceText.From(text.Replace(before, after)))), out _);
    }

    private static GeneratorRunResult Run(GeneratorDriver driver, CSharpCompilation compilation, out GeneratorDriver next)
    {
        next = driver.RunGenerators(compilation);
        GeneratorRunResult result = Assert.Single(next.GetRunResult().Results);
        Assert.Null(result.Exception);
        return result;
    }

    private static IEnumerable<IncrementalStepRunReason> Reasons(GeneratorRunResult result, string step) =>
        result.TrackedSteps[step].SelectMany(run => run.Outputs).Select(output => output.Reason);

    /// <summary>Walks every field of every object that <paramref name="root"/> leads to.</summary>
    private static object? FindCompilerObject(object root)
    {
        HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
        Stack<object> open = new([root]);
        while (open.TryPop(out object? current))
        {
            if (current is Compilation or ISymbol or SyntaxNode or SyntaxTree or SyntaxReference or Location or SourceText or SemanticModel or AttributeData
                or SyntaxToken or SyntaxTrivia)
            {
                return current;
            }
            Type type = current.GetType();
            if (type.IsPrimitive || type.IsEnum || type.IsPointer || current is string or Type or Pointer || !seen.Add(current))
            {
                continue;
            }
            if (current is Array array)
            {
                foreach (object? element in (IEnumerable)array)
                {
                    Push(element);
                }
                continue;
            }
            for (Type? level = type; level is not null; level = level.BaseType)
            {
                foreach (FieldInfo field in level.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                {
                    Push(field.GetValue(current));
                }
            }
        }
        return null;

        void Push(object? value)
        {
            if (value is not null)
            {
                open.Push(value);
            }
        }
    }

    private sealed record Holder(object Value);

    private class Base(object value)
    {
        private readonly object _value = value;

        public override string ToString() => _value.ToString()!;
    }

    private sealed class Derived(object value) : Base(value);
}
