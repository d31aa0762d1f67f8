using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using SkipSoftmax;
using SkipSoftmax.Arguments;
using SkipSoftmax.Cpu;
using SkipSoftmax.Descriptors;
using Xunit.Abstractions;

namespace Runtime.Tests;

/// <summary>What only the CPU path promises; the rule itself is the conformance cases' business.</summary>
public sealed class CpuBackendTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(300, 300, 1, AttentionMask.Causal)]
    [InlineData(130, 517, 4, AttentionMask.Causal)]
    [InlineData(65, 200, 2, AttentionMask.None)]
    [InlineData(1, 1000, 1, AttentionMask.None)]
    [InlineData(5, 700, 8, AttentionMask.Causal)]
    [InlineData(1, 3000, 3, AttentionMask.None, AttentionPhase.Decode)]
    [InlineData(5, 2100, 8, AttentionMask.Causal, AttentionPhase.Decode)]
    public void Number_of_threads_never_changes_a_bit(int queries, int keys, int group, AttentionMask mask, AttentionPhase phase = AttentionPhase.Prefill)
    {
        var call = new Call(queries, keys, group, mask, Seed(queries), phase);
        Result one = call.Run(lambda: 0.3f, threads: 1);
        Assert.Contains(TileDecision.Skipped, one.Decisions);
        Assert.Contains(TileDecision.Kept, one.Decisions);
        foreach (int threads in (int[])[0, 2, 3, 16])
        {
            one.AssertSameBits(call.Run(lambda: 0.3f, threads));
        }
    }

    [Theory]
    [InlineData(100, 300)]
    [InlineData(1, 300)]
    [InlineData(1, 700, AttentionPhase.Decode)]
    [InlineData(4, 2000, AttentionPhase.Decode)]
    public void Values_of_skipped_tiles_are_never_read(int queries, int keys, AttentionPhase phase = AttentionPhase.Prefill)
    {
        var call = new Call(queries, keys, group: 1, AttentionMask.None, Seed(queries), phase);
        Result clean = call.Run(lambda: 0.3f, threads: 2);
        int blocks = AttentionProblem.BlocksOf(keys, Call.Block);
        for (int block = 0; block < blocks; block++)
        {
            bool skippedByAll = Enumerable.Range(0, clean.Decisions.Length / blocks).All(i => clean.Decisions[(i * blocks) + block] == TileDecision.Skipped);
            if (skippedByAll)
            {
                call.PoisonValues(block);
            }
        }
        Assert.True(call.Poisoned, "The case has no tile that all rows skip.");
        clean.AssertSameBits(call.Run(lambda: 0.3f, threads: 2));
    }

    [Fact]
    public void NaN_in_a_value_that_the_mask_hides_stays_out_of_the_row()
    {
        var call = new Call(queries: 200, keys: 200, group: 1, AttentionMask.Causal, Seed(3));
        Result clean = call.Run(lambda: 0, threads: 2);
        call.PoisonValue(token: 150);
        Result poisoned = call.Run(lambda: 0, threads: 2);
        int rowFloats = Call.HeadDim;
        Assert.Equal(clean.Output.AsSpan(0, 150 * rowFloats), poisoned.Output.AsSpan(0, 150 * rowFloats));
        Assert.All(Enumerable.Range(150, 50), row => Assert.True(float.IsNaN(poisoned.Output[row * rowFloats])));
    }

    [Theory]
    [InlineData(150, 333, 2)]
    [InlineData(3, 333, 2)]
    [InlineData(1, 1333, 1, AttentionPhase.Decode)]
    [InlineData(3, 1333, 1, AttentionPhase.Decode)]
    [InlineData(3, 1333, 2, AttentionPhase.Decode)]
    public void Every_vector_width_gives_the_same_decisions_and_nearly_the_same_output(int queries, int keys, int group, AttentionPhase phase = AttentionPhase.Prefill)
    {
        var call = new Call(queries, keys, group, AttentionMask.Causal, Seed(queries), phase);
        Result wide = call.Run(lambda: 0.3f, (in problem, threads) => CpuBackend.Run<Simd512, Vector512<float>>(in problem, threads));
        Result half = call.Run(lambda: 0.3f, (in problem, threads) => CpuBackend.Run<Simd256, Vector256<float>>(in problem, threads));
        Result narrow = call.Run(lambda: 0.3f, (in problem, threads) => CpuBackend.Run<Simd128, Vector128<float>>(in problem, threads));
        wide.AssertClose(half);
        wide.AssertClose(narrow);
    }

    private int Seed(int salt)
    {
        int seed = 20261123 + salt;
        output.WriteLine($"seed {seed}");
        return seed;
    }

    private delegate void Backend(in AttentionProblem problem, int threads);

    private sealed record Result(float[] Output, float[] Lse, TileDecision[] Decisions)
    {
        public void AssertSameBits(Result other)
        {
            Assert.Equal(Decisions, other.Decisions);
            Assert.True(Bits(Output).SequenceEqual(Bits(other.Output)), "The outputs differ.");
            Assert.True(Bits(Lse).SequenceEqual(Bits(other.Lse)), "The LSE differ.");
        }

        public void AssertClose(Result other)
        {
            Assert.Equal(Decisions, other.Decisions);
            for (int i = 0; i < Output.Length; i++)
            {
                Assert.Equal(Output[i], other.Output[i], 1e-5f);
            }
        }

        private static ReadOnlySpan<byte> Bits(float[] values) => MemoryMarshal.AsBytes<float>(values);
    }

    /// <summary>One key/value head with hot and cold key blocks, so that λ = 0.3 keeps some tiles and skips others.</summary>
    private sealed class Call
    {
        public const int Block = 64;
        public const int HeadDim = 64;

        private readonly AttentionPhase phase;
        private readonly AttentionMask mask;
        private readonly TensorShape queryShape;
        private readonly TensorShape keyShape;
        private readonly float[] query;
        private readonly float[] key;
        private readonly float[] value;

        public Call(int queries, int keys, int group, AttentionMask mask, int seed, AttentionPhase phase = AttentionPhase.Prefill)
        {
            this.phase = phase;
            this.mask = mask;
            queryShape = new(1, queries, group, HeadDim);
            keyShape = new(1, keys, 1, HeadDim);
            var random = new Random(seed);
            query = Values(random, queries * group * HeadDim, 1);
            key = Values(random, keys * HeadDim, 1);
            value = Values(random, keys * HeadDim, 0);
            for (int i = 0; i < key.Length; i++)
            {
                key[i] *= i / (HeadDim * Block) % 2 == 1 ? 0.01f : 1;
            }
        }

        public bool Poisoned { get; private set; }

        public void PoisonValues(int block)
        {
            value.AsSpan(block * Block * HeadDim, Math.Min(Block * HeadDim, value.Length - (block * Block * HeadDim))).Fill(float.NaN);
            Poisoned = true;
        }

        public void PoisonValue(int token) => value.AsSpan(token * HeadDim, HeadDim).Fill(float.NaN);

        public Result Run(float lambda, int threads) => Run(lambda, (in problem, _) => CpuBackend.Run(in problem, threads));

        public Result Run(float lambda, Backend backend)
        {
            var specification = new AttentionSpecification
            {
                Name = nameof(CpuBackendTests),
                Phase = phase,
                MaxQueryLength = 8,
                HeadDim = HeadDim,
                QueryBlock = Block,
                KeyBlock = Block,
                Threshold = ThresholdMode.Fixed,
                Mask = mask,
                Element = ElementType.Float32,
                Targets = GpuTargets.None,
                Order = TileOrder.Descending,
                CountTiles = false,
                RecordDecisions = true,
                ReturnLse = true,
            };
            int rows = queryShape.Length * queryShape.Heads;
            int blocks = AttentionProblem.BlocksOf(queryShape.Length, Block) * AttentionProblem.BlocksOf(keyShape.Length, Block);
            int decisionHeads = phase == AttentionPhase.Decode ? keyShape.Heads : queryShape.Heads;
            var result = new Result(new float[query.Length], new float[rows], new TileDecision[decisionHeads * blocks]);
            var problem = new AttentionProblem
            {
                Specification = specification,
                Query = TensorView.Host<float>(query, queryShape),
                Key = TensorView.Host<float>(key, keyShape),
                Value = TensorView.Host<float>(value, keyShape),
                Output = OutputView.Host<float>(result.Output, queryShape),
                Lse = result.Lse,
                Decisions = result.Decisions,
                Threshold = SkipThreshold.Fixed(lambda),
                Scale = 0.25f,
            };
            backend(in problem, 2);
            return result;
        }

        private static float[] Values(Random random, int count, float mean)
        {
            float[] values = new float[count];
            for (int i = 0; i < count; i++)
            {
                values[i] = mean + (2 * random.NextSingle()) - 1;
            }
            return values;
        }
    }
}
