using SkipSoftmax.Descriptors;
using SkipSoftmax.Generator.Tests;

namespace SkipSoftmax.Simulation;

public sealed class SimulatedSpecificationsTests
{
    /// <summary>Each head dim with each block size that has a kernel, with and without skipping; and each of the other values at each head dim.</summary>
    [Fact]
    public void Random_cases_meet_every_value_of_a_declaration()
    {
        IReadOnlyList<AttentionSpecification> all = SimulatedSpecifications.Prefill;
        Assert.Equal(all.Count, all.Distinct().Count());
        Assert.Equal(DeclarationValues.Sm90HeadDims, all.Select(specification => specification.HeadDim).Distinct().Order());
        AssertEach(Enum.GetValues<ThresholdMode>(), specification => specification.Threshold);
        AssertEach(Enum.GetValues<TileOrder>(), specification => specification.Order);
        AssertEach(Enum.GetValues<AttentionMask>(), specification => specification.Mask);
        AssertEach([ElementType.Float16, ElementType.BFloat16], specification => specification.Element);
        AssertEach(DeclarationValues.Blocks, specification => specification.QueryBlock);
        AssertEach(DeclarationValues.Blocks, specification => specification.KeyBlock);
        foreach (int headDim in DeclarationValues.Sm90HeadDims)
        {
            AttentionSpecification[] some = [.. all.Where(specification => specification.HeadDim == headDim)];
            Assert.Equal(2, some.Select(specification => specification.Element).Distinct().Count());
            Assert.Equal(2, some.Select(specification => specification.Mask).Distinct().Count());
            Assert.Equal(2, some.Select(specification => specification.QueryBlock).Distinct().Count());
            Assert.Equal(3, some.Select(specification => specification.Order).Distinct().Count());
            Assert.Contains(some, specification => specification.Threshold == ThresholdMode.Off);
        }

        void AssertEach<T>(IEnumerable<T> values, Func<AttentionSpecification, T> of) =>
            Assert.All(values, value => Assert.True(all.Count(specification => Equals(of(specification), value)) >= 3, $"{value} is met too seldom."));
    }
}
