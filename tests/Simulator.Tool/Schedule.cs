using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace SkipSoftmax.Simulation;

/// <summary>Which thread runs next, and when asynchronous operations take place.</summary>
/// <param name="Order">Which ready thread runs next.</param>
/// <param name="Completion">When a TMA copy or a product takes place.</param>
/// <param name="StarvedWarpgroup">For <see cref="SimulatorOrder.StarveWarpgroup"/> and <see cref="SimulatorOrder.StarveLanes"/>: 0 is the producer. Modulo as many as the CTA has.</param>
/// <param name="ResidentCtas">CTAs that run interleaved.</param>
/// <param name="Seed">What is random follows from it.</param>
internal sealed record Schedule(SimulatorOrder Order, SimulatorCompletion Completion, uint StarvedWarpgroup, uint ResidentCtas, ulong Seed)
{
    /// <summary>Memory accesses and resumptions after which a run counts as one that never ends; 0: the simulator's own, very large number.</summary>
    public ulong StepLimit { get; init; }

    /// <summary>A random schedule that follows from the case's name, so that a case is run the same way again.</summary>
    public static Schedule Of(string caseName)
    {
        int seed = BinaryPrimitives.ReadInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(caseName)));
        Random random = new(seed);
        return new(
            random.GetItems(Enum.GetValues<SimulatorOrder>(), 1)[0],
            random.GetItems(Enum.GetValues<SimulatorCompletion>(), 1)[0],
            StarvedWarpgroup: (uint)random.Next(12), // each of two, three and four alike
            ResidentCtas: (uint)random.Next(1, 3),
            (ulong)seed);
    }
}
