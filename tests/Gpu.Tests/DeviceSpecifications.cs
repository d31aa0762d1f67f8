using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Simulation;

namespace SkipSoftmax.Gpu;

/// <summary>What is compiled for the card: the simulator's specifications, and as many again of prefill and decode each, drawn with a fixed seed.</summary>
internal static class DeviceSpecifications
{
    private const int DrawnOfEachPhase = 40;

    public static IReadOnlyList<AttentionSpecification> All { get; } = [.. SimulatedSpecifications.All, .. Draw()];

    private static HashSet<AttentionSpecification> Draw()
    {
        Random random = new(20261124);
        HashSet<AttentionSpecification> drawn = [];
        while (drawn.Count < DrawnOfEachPhase)
        {
            AttentionSpecification specification = CraftedCases.Specification with
            {
                HeadDim = Pick([64, 128, 192, 256]),
                QueryBlock = Pick([64, 128]),
                KeyBlock = Pick([64, 128]),
                Threshold = Pick(Enum.GetValues<ThresholdMode>()),
                Mask = Pick(Enum.GetValues<AttentionMask>()),
                Element = Pick([ElementType.Float16, ElementType.BFloat16]),
                Order = Pick(Enum.GetValues<TileOrder>()),
            };
            AddIfEmitted(specification);
        }
        while (drawn.Count < 2 * DrawnOfEachPhase)
        {
            int pageSize = Pick([0, 16, 32, 64, 128]);
            AddIfEmitted(CraftedCases.DecodeSpecification with
            {
                HeadDim = Pick([64, 128, 256]),
                Threshold = Pick(Enum.GetValues<ThresholdMode>()),
                Mask = Pick(Enum.GetValues<AttentionMask>()),
                Element = Pick([ElementType.Float16, ElementType.BFloat16]),
                KvLayout = pageSize == 0 ? KvLayout.Contiguous : KvLayout.Paged,
                PageSize = pageSize,
                MaxQueryLength = random.Next(1, 9),
            });
        }
        return drawn;

        T Pick<T>(T[] from) => from[random.Next(from.Length)];

        void AddIfEmitted(AttentionSpecification specification)
        {
            try
            {
                EmittedKernel.Of(specification);
                drawn.Add(specification);
            }
            catch (NotSupportedException)
            {
                // Not every combination has a kernel; the generator's tests say which.
            }
        }
    }
}
