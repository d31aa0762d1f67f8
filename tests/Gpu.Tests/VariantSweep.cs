using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Gpu;

/// <summary>One small case of each variant against the reference, to be run under a sanitizer.</summary>
internal static class VariantSweep
{
    /// <summary>So short that a sanitizer, which slows a kernel down a hundredfold, is done soon; long enough for several tiles a warpgroup.</summary>
    private static readonly (int Query, int Key) prefillLengths = (200, 450);

    private static readonly (int Query, int Key) decodeLengths = (1, 900);

    /// <param name="first">Variant to begin with.</param>
    /// <param name="count">Variants to run; 0: all that are left.</param>
    public static bool Run(int first, int count)
    {
        DeviceBackend backend = new();
        AttentionSpecification[] specifications = [.. DeviceSpecifications.All.Skip(first).Take(count == 0 ? int.MaxValue : count)];
        int failures = 0;
        for (int index = 0; index < specifications.Length; index++)
        {
            AttentionSpecification specification = specifications[index];
            bool decode = specification.Phase == AttentionPhase.Decode;
            RandomCaseOptions options = new() { Specification = specification, Lengths = decode ? decodeLengths : prefillLengths, ColdShare = 0.6f, Lambda = 0.05f, NonFinite = false };
            AttentionCase attentionCase = decode ? RandomDecodeCases.Create(index, backend.Capabilities, options) : RandomCases.Create(index, backend.Capabilities, options);
            try
            {
                ReferenceComparison comparison = ReferenceComparison.Check(attentionCase, backend.Run(attentionCase));
                Console.WriteLine($"{first + index}: {comparison.Skipped} of {comparison.Visited} tiles skipped, {attentionCase.Name}");
            }
            catch (Xunit.Sdk.XunitException failure)
            {
                failures++;
                Console.WriteLine($"{first + index}: FAILED {failure.Message}");
            }
        }
        Console.WriteLine($"{specifications.Length} variants, {failures} failed");
        return failures == 0 && specifications.Length > 0;
    }
}
