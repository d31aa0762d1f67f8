using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Gpu;

/// <summary>A declared attention, threshold and all.</summary>
internal delegate void RunAttention(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

/// <summary>A declared method that is timed.</summary>
/// <param name="Name">As device.py calls it.</param>
/// <param name="Enqueue">What the method does, with <c>default</c> for the threshold it may not take.</param>
/// <param name="Specification">What it was declared as.</param>
/// <param name="Prepare">Compiles and loads its kernels.</param>
/// <param name="KernelTexts">Its kernels' names and CUDA texts (UTF-8).</param>
internal sealed record Timed(
    string Name, RunAttention Enqueue, AttentionSpecification Specification, Func<AttentionContext, BackendChoice> Prepare, IReadOnlyList<(string Name, byte[] Text)> KernelTexts)
{
    /// <summary>One of each declaration.</summary>
    public static IReadOnlyList<Timed> All { get; } =
    [
        Of<Prefill.D64CausalOffDescriptor>("prefill_d64_causal_off"),
        Of<Prefill.D64CausalFixedDescriptor>("prefill_d64_causal_fixed"),
        Of<Prefill.D128CausalOffDescriptor>("prefill_d128_causal_off"),
        Of<Prefill.D128CausalFixedDescriptor>("prefill_d128_causal_fixed"),
        Of<Prefill.D128CausalFixedCountedDescriptor>("prefill_d128_causal_counted"),
        Of<Prefill.D128CausalFixedWideDescriptor>("prefill_d128_causal_wide_fixed"),
        Of<Prefill.D128CausalFixedWideCountedDescriptor>("prefill_d128_causal_wide_counted"),
        Of<Prefill.D128FullOffDescriptor>("prefill_d128_full_off"),
        Of<Prefill.D128FullFixedDescriptor>("prefill_d128_full_fixed"),
        Of<Prefill.D256CausalOffDescriptor>("prefill_d256_causal_off"),
        Of<Prefill.D256CausalFixedDescriptor>("prefill_d256_causal_fixed"),
        Of<Decode.D64OffDescriptor>("decode_d64_off"),
        Of<Decode.D128OffDescriptor>("decode_d128_off"),
        Of<Decode.D128FixedDescriptor>("decode_d128_fixed"),
        Of<Decode.D128FixedCountedDescriptor>("decode_d128_counted"),
        Of<Decode.D128FixedPagedDescriptor>("decode_d128_page64_fixed"),
        Of<Decode.D256OffDescriptor>("decode_d256_off"),
    ];

    private static Timed Of<TDescriptor>(string name) where TDescriptor : IAttentionDescriptor =>
        new(name, Run<TDescriptor>, TDescriptor.Specification, context => context.Prepare<TDescriptor>(),
            [.. TDescriptor.Kernels.Select((kernel, index) => (kernel.Name, TDescriptor.GetKernelText(index).ToArray()))]);

    private static void Run<TDescriptor>(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold)
        where TDescriptor : IAttentionDescriptor => context.Run<TDescriptor>(inputs, output, threshold);
}
