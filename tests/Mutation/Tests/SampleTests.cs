using SkipSoftmax.Simulation;
using Xunit.Abstractions;

namespace SkipSoftmax.Mutation;

/// <summary>A sample of the mutation run: of each kernel some mutants that are always the same and some that nobody has chosen. All of them take a command.</summary>
public sealed class SampleTests(ITestOutputHelper output)
{
    private const int FixedSeed = 20261124;
    private const int FixedMutants = 10;
    private const int FreshMutants = 6;

    public static TheoryData<string> Kernels => [.. MutationTarget.All.Select(target => target.Name)];

    [SkippableTheory]
    [MemberData(nameof(Kernels))]
    public void Mutants_are_caught_or_explained(string kernel)
    {
        Skip.If(HostCompiler.Unavailable is not null, HostCompiler.Unavailable);
        MutationTarget target = MutationTarget.Find(kernel);
        IReadOnlyList<Mutant> mutants = MutantGenerator.Generate(target);
        int seed = Random.Shared.Next();
        int[] numbers = [.. Sample(FixedSeed, FixedMutants).Union(Sample(seed, FreshMutants))];
        output.WriteLine($"The fresh mutants are --sample {FreshMutants} --seed {seed}.");

        MutationRun.RequireSound(target);
        MutationReport report = new(target, mutants, WorkerPool.Try(target, numbers, Environment.ProcessorCount));

        using StringWriter text = new();
        report.Write(text);
        output.WriteLine(text.ToString());
        Assert.True(report.IsClean, $"Seed {seed}:\n{text}");

        int[] Sample(int seed, int count) => MutationRun.Choose(mutants, new() { Sample = count, Seed = seed });
    }
}
