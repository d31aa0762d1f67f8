namespace SkipSoftmax.Generator.Tests;

/// <summary>What the numbers of a declaration may be; the other arguments are enums and switches.</summary>
internal static class DeclarationValues
{
    public static int[] HeadDims { get; } = [64, 96, 128, 192, 256];

    /// <summary>Those with an SM90 kernel.</summary>
    public static int[] Sm90HeadDims { get; } = [.. HeadDims.Where(headDim => headDim != 96)];

    /// <summary>Query rows of a decision, and keys.</summary>
    public static int[] Blocks { get; } = [64, 128];
}
