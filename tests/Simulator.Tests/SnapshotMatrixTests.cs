using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
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
        EmittedKernel declared = Assert.Single(DeclarationSource.ReadKernels(name, SnapshotDeclarations.Sources[name]));
        AttentionSpecification recording = declared.Specification with { CountTiles = true, RecordDecisions = true, ReturnLse = true };
        ulong visited = 0;
        ulong skipped = 0;
        for (int seed = 0; seed < CasesOfAKernel; seed++)
        {
            AttentionCase attentionCase = RandomCases.Create(seed, Capabilities, new() { Specification = recording });
            BackendResult judged = Backend.Run(attentionCase);
            ReferenceComparison comparison = ReferenceComparison.Check(attentionCase, judged);
            visited += comparison.Visited;
            skipped += comparison.Skipped;

            BackendResult result = SimulatorBackend.Run(
                attentionCase with { Specification = declared.Specification }, KernelLibrary.Of(declared), Schedule.Of(attentionCase.Name)).Result;
            BackendResult untouched = BackendResult.Allocate(attentionCase);
            Assert.True(judged.Output.Bytes.SequenceEqual(result.Output.Bytes), $"{attentionCase.Name}: recording changes the output.");
            AssertSameLse(declared.Specification.ReturnLse ? judged : untouched, result);
            Assert.Equal((declared.Specification.CountTiles ? judged : untouched).Counters, result.Counters);
            Assert.Equal((declared.Specification.RecordDecisions ? judged : untouched).Decisions, result.Decisions);
        }
        output.WriteLine($"{declared.Kernel.Name}: {CasesOfAKernel} cases, {visited} tiles, {skipped} skipped");
        Assert.NotEqual(0UL, visited);
        Assert.Equal(declared.Specification.Threshold == ThresholdMode.Off, skipped == 0);
    }
}
