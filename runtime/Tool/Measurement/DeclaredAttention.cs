using System.Reflection;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Tool.CommandLine;
using SkipSoftmax.Tool.Declarations;

namespace SkipSoftmax.Tool.Measurement;

/// <summary>What is compared: a phase with its order and block sizes.</summary>
/// <param name="Phase">In decode, order and query block mean nothing.</param>
internal sealed record DecisionShape(AttentionPhase Phase, TileOrder Order, int QueryBlock, int KeyBlock)
{
    public override string ToString() => Phase == AttentionPhase.Decode ? $"decode, {KeyBlock} keys" : $"{(Order == TileOrder.SinkFirst ? "sink first" : $"{Order}".ToLowerInvariant())}, {QueryBlock} × {KeyBlock}";
}

/// <summary>A declared method, generated and compiled in this process: what the same declaration of a user runs, on the backend it would run on.</summary>
internal abstract class DeclaredAttention
{
    /// <summary>One for each shape, in their order.</summary>
    /// <exception cref="ToolException">The library has no such attention; the generator's diagnostic says why.</exception>
    public static DeclaredAttention[] Declare(LayerFacts facts, ThresholdMode threshold, IReadOnlyList<DecisionShape> shapes)
    {
        string parameters = $"AttentionContext context, in AttentionInputs inputs, AttentionOutput output{(threshold == ThresholdMode.Off ? "" : ", SkipThreshold threshold")}";
        IEnumerable<string> methods = shapes.Select((shape, index) => $"""
                [SkipSoftmaxAttention({Arguments(facts, threshold, shape)})]
                public static partial void Shape{index}({parameters});
            """);
        string source = $$"""
            public static partial class Measured
            {
            {{string.Join(Environment.NewLine, methods)}}
            }
            """;
        try
        {
            Assembly assembly = DeclarationCompiler.Load(("Measured.cs", source));
            return [.. shapes.Select((_, index) => (DeclaredAttention)Activator.CreateInstance(typeof(Of<>).MakeGenericType(assembly.GetType($"Measured+Shape{index}Descriptor", throwOnError: true)!))!)];
        }
        catch (DeclarationException exception)
        {
            throw new ToolException(ExitCode.Misused, exception.Message);
        }
    }

    /// <summary>The backend it runs on.</summary>
    public abstract BackendChoice Prepare(AttentionContext context);

    public abstract void Run(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

    private static string Arguments(LayerFacts facts, ThresholdMode threshold, DecisionShape shape)
    {
        string blocks = shape.Phase == AttentionPhase.Decode ? "" : $"QueryBlock = {shape.QueryBlock}, Order = TileOrder.{shape.Order}, ";
        string results = threshold == ThresholdMode.Off ? "" : ", CountTiles = true, RecordDecisions = true";
        return $"Phase = AttentionPhase.{shape.Phase}, HeadDim = {facts.HeadDim}, Element = ElementType.{facts.Element}, Mask = AttentionMask.{facts.Mask}, "
            + $"{blocks}KeyBlock = {shape.KeyBlock}, Threshold = ThresholdMode.{threshold}, Targets = (GpuTargets){(int)facts.Targets}{results}";
    }

    private sealed class Of<TDescriptor> : DeclaredAttention where TDescriptor : IAttentionDescriptor
    {
        public override BackendChoice Prepare(AttentionContext context) => context.Prepare<TDescriptor>();

        public override void Run(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold) =>
            context.Run<TDescriptor>(in inputs, output, threshold);
    }
}

/// <summary>What a declaration takes from the tensors and the command line.</summary>
internal sealed record LayerFacts(int HeadDim, ElementType Element, AttentionMask Mask, GpuTargets Targets);
