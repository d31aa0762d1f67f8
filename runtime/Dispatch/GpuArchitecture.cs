namespace SkipSoftmax.Dispatch;

/// <summary>Which emitted target runs on a device, and the architecture its text is compiled for. The only place that decides it.</summary>
/// <param name="Target">The declaration's target.</param>
/// <param name="Name">NVRTC's name of the architecture.</param>
internal sealed record GpuArchitecture(GpuTargets Target, string Name)
{
    private static readonly GpuArchitecture sm90 = new(GpuTargets.Sm90, "sm_90a");
    private static readonly GpuArchitecture sm100 = new(GpuTargets.Sm100, "sm_100a");
    private static readonly GpuArchitecture sm103 = new(GpuTargets.Sm100, "sm_103a");

    /// <summary>Every architecture that kernels of a target are compiled for.</summary>
    public static IReadOnlyList<GpuArchitecture> Of(GpuTargets target) => [.. new[] { sm90, sm100, sm103 }.Where(architecture => architecture.Target == target)];

    /// <summary>Null where no kernel can run on this compute capability. Architecture-specific (<c>a</c>) code runs on no other.</summary>
    public static GpuArchitecture? Of(int major, int minor) => (major, minor) switch
    {
        (9, 0) => sm90,
        (10, 0) => sm100,
        (10, 3) => sm103,
        _ => null,
    };
}
