namespace SkipSoftmax.Generator.Variants;

/// <summary>How the variants' names call the values they are specialized by.</summary>
internal static class VariantNames
{
    public static string Of(ElementType element) => element switch
    {
        ElementType.Float16 => "fp16",
        ElementType.BFloat16 => "bf16",
        _ => throw new InvalidOperationException($"{element} has no GPU kernel."),
    };

    public static string Of(AttentionMask mask) => mask switch
    {
        AttentionMask.None => "full",
        AttentionMask.Causal => "causal",
        _ => throw new InvalidOperationException($"{mask} has no GPU kernel."),
    };

    public static string Of(ThresholdMode mode) => mode switch
    {
        ThresholdMode.Off => "off",
        ThresholdMode.Fixed => "fixed",
        ThresholdMode.ContextScaled => "context_scaled",
        ThresholdMode.PerSequence => "per_sequence",
        ThresholdMode.TargetSparsity => "target_sparsity",
        _ => throw new InvalidOperationException($"{mode} has no GPU kernel."),
    };

    public static string Of(TileOrder order) => order switch
    {
        TileOrder.Descending => "descending",
        TileOrder.Ascending => "ascending",
        TileOrder.SinkFirst => "sink_first",
        _ => throw new InvalidOperationException($"{order} has no GPU kernel."),
    };
}
