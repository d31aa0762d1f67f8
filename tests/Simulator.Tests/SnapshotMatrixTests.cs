using SkipSoftmax.Conformance;
using SkipSoftmax.Generator.Tests;
using Xunit.Abstractions;

namespace SkipSoftmax.Simulation;

/// <summary>Every kernel of the generator's snapshots, compiled from the text that the generator put into the user's assembly.</summary>
public sealed class SnapshotMatrixTests(ITestOutputHelper output) : BackendSuite<SimulatorBackend>
{
    private const int CasesOfAKernel = 24;

    public static TheoryData<string> Names =>
        [.. SnapshotDeclarations.Sources.Where(pair => pair.Value.Contains("GpuTargets.Sm90", StringComparison.Ordinal)).Select(pair => pair.Key)];

    /// <summary>The declared kernel and the one that also returns everything give the same bits, and the latter is judged decision by decision.</summary>
    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void Declared_kernel_agrees_with_the_reference(string name)
    {
        RequireAvailable();
        EmittedKernel declared = Assert.Single(DeclarationSource.ReadKernels(name, SnapshotDeclarations.Sources[name]), kernel => kernel.Kernel.Target == GpuTargets.Sm90);
        ulong visited = 0;
        ulong skipped = 0;
        for (int seed = 0; seed < CasesOfAKernel; seed++)
        {
            RandomCaseOptions options = new() { Specification = declared.Specification };
            AttentionCase attentionCase = declared.Specification.Phase == AttentionPhase.Decode
                ? RandomDecodeCases.Create(seed, Capabilities, options)
                : RandomCases.Create(seed, Capabilities, options);
            ReferenceComparison comparison = KernelCheck.Run(declared, attentionCase).Comparison;
            visited += comparison.Visited;
            skipped += comparison.Skipped;
        }
        output.WriteLine($"{declared.Kernel.Name}: {CasesOfAKernel} cases, {visited} tiles, {skipped} skipped");
        Assert.NotEqual(0UL, visited);
        Assert.Equal(declared.Specification.Threshold == ThresholdMode.Off, skipped == 0);
    }
}
