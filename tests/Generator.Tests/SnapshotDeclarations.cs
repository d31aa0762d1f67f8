namespace SkipSoftmax.Generator.Tests;

/// <summary>The matrix of declarations whose whole output is kept as snapshots, and whose kernels the simulator runs.</summary>
internal static class SnapshotDeclarations
{
    /// <summary>By name; C# without <c>using SkipSoftmax</c>.</summary>
    public static IReadOnlyDictionary<string, string> Sources { get; } = new Dictionary<string, string>()
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
        ["Both_targets"] = """
            internal static partial class Portable
            {
                [SkipSoftmaxAttention(HeadDim = 128, Targets = GpuTargets.Sm100 | GpuTargets.Sm90)]
                public static partial void Prefill(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);
            }
            """,
        ["Blackwell_dense_float16"] = """
            internal static partial class Blackwell
            {
                [SkipSoftmaxAttention(HeadDim = 64, Threshold = ThresholdMode.Off, Mask = AttentionMask.None, Element = ElementType.Float16, Targets = GpuTargets.Sm100,
                    ReturnLse = true)]
                public static partial void Encode(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);
            }
            """,
        ["Blackwell_coarse_with_every_output"] = """
            internal static partial class Blackwell
            {
                [SkipSoftmaxAttention(HeadDim = 128, QueryBlock = 128, KeyBlock = 128, Threshold = ThresholdMode.PerSequence, Targets = GpuTargets.Sm100,
                    Order = TileOrder.SinkFirst, CountTiles = true, RecordDecisions = true, ReturnLse = true)]
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
                [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 128, KvLayout = KvLayout.Paged, PageSize = 64,
                    Targets = GpuTargets.Sm90 | GpuTargets.Sm100)]
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
}
