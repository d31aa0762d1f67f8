namespace SkipSoftmax.Mutation;

/// <summary>What each rule makes of a few lines.</summary>
public sealed class RuleTests
{
    private const string Layer = """
        struct Mbarrier { u64 state; };
        __device__ __forceinline__ void mbarrier_wait(Mbarrier* barrier, u32 parity) { }
        __device__ __forceinline__ void mbarrier_arrive(Mbarrier* barrier) { }
        __device__ __forceinline__ void mbarrier_arrive_expect_bytes(Mbarrier* barrier, u32 bytes) { }
        __device__ __forceinline__ u64 wgmma_advance(u64 descriptor, u32 bytes) { return 0; }
        __device__ __forceinline__ void fence_proxy_async_shared() { }
        __device__ __forceinline__ void tcgen05_fence_before_sync() { }
        __device__ __forceinline__ void tcgen05_fence_after_sync() { }
        __device__ __forceinline__ void tcgen05_commit(Mbarrier* barrier) { }
        __device__ __forceinline__ constexpr u32 tcgen05_offset(u32 address, int lanes, int columns) { return address; }
        __device__ __forceinline__ void tcgen05_multiply(u32 d, u64 a, u64 b, u32 instruction, bool accumulate) { }
        template <int COUNT>
        __device__ __forceinline__ void claim_registers() { }

        """;

    [Fact]
    public void Calls_that_synchronize_are_removed_and_so_are_those_of_functions_that_do_nothing_else()
    {
        Mutant[] mutants = Mutate(new SynchronizationRemoval(), """
            __device__ void release(bool leader) {
                if (leader) {
                    mbarrier_arrive(&shared.empty);
                }
            }
            __device__ void work() {
                mbarrier_wait(&shared.full, parity);
                compute();
                release(true);
            }
            """);
        Assert.Equal(["mbarrier_arrive(&shared.empty);", "mbarrier_wait(&shared.full, parity);", "release(true);"], mutants.Select(mutant => mutant.Statement));
        Assert.Equal(["release", "work", "work"], mutants.Select(mutant => mutant.Function));
        Assert.Contains("compute();\n    ;\n", mutants[2].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Waits_move_later_and_signals_earlier_over_what_does_something()
    {
        Mutant[] mutants = Mutate(new SynchronizationMove(), """
            __device__ void work() {
                mbarrier_wait(&shared.full, parity);
                int sum = 1;
                compute();
                sum += 2;
                mbarrier_arrive(&shared.empty);
                fence_proxy_async_shared();
            }
            """);
        Assert.Equal(
            ["mbarrier_wait(&shared.full, parity); moved past `compute();`", "mbarrier_arrive(&shared.empty); moved before `compute();`", "fence_proxy_async_shared(); moved before `compute();`"],
            mutants.Select(mutant => $"{mutant.Statement} {mutant.Change}"));
        Assert.Contains("{ int sum = 1; compute(); mbarrier_wait(&shared.full, parity); sum += 2; ", OneLine(mutants[0].Text), StringComparison.Ordinal);
    }

    [Fact]
    public void Parities_are_flipped_where_they_are_passed_and_made_and_kept_where_they_advance()
    {
        Mutant[] mutants = Mutate(new ParityFlip(), """
            struct Ring {
                u32 count;
                __device__ u32 parity() const { return count / 2 & 1; }
            };
            __device__ void work(u32& key_parity) {
                mbarrier_wait(&shared.full, ring.parity());
                key_parity ^= 1;
            }
            """);
        Assert.Equal(["ring.parity() → (ring.parity()) ^ 1", "count / 2 & 1 → (count / 2 & 1) ^ 1", "removed"], mutants.Select(mutant => mutant.Change));
    }

    [Fact]
    public void Counts_registers_and_operand_places_are_changed()
    {
        const string text = """
            __device__ void work() {
                mbarrier_arrive_expect_bytes(&shared.full, 3 * BYTES);
                claim_registers<REGISTERS>();
                u64 next = wgmma_advance(a, k * 32);
            }
            """;
        Assert.Equal(["3 * BYTES → 3 * BYTES + 16", "3 * BYTES → 3 * BYTES - 16"], Mutate(new BarrierCounts(), text).Select(mutant => mutant.Change));
        Assert.Equal(["removed", "REGISTERS → REGISTERS + 8", "REGISTERS → REGISTERS - 8", "REGISTERS → REGISTERS + 32"], Mutate(new RegisterCounts(), text).Select(mutant => mutant.Change));
        Assert.Equal(["k * 32 → k * 32 + 32", "k * 32 → 0"], Mutate(new DescriptorFields(), text).Select(mutant => mutant.Change));
    }

    [Fact]
    public void Products_in_tensor_memory_lose_order_place_and_sums()
    {
        const string text = """
            __device__ void work() {
                tcgen05_fence_after_sync();
                tcgen05_multiply(tcgen05_offset(base, 0, 64), a, b, PRODUCT, k != 0);
                tcgen05_commit(&shared.full);
                compute();
                tcgen05_fence_before_sync();
            }
            """;
        Assert.Equal(["tcgen05_fence_after_sync();", "tcgen05_commit(&shared.full);", "tcgen05_fence_before_sync();"], Mutate(new SynchronizationRemoval(), text).Select(mutant => mutant.Statement));
        Assert.Equal(["past", "before", "before"], Mutate(new SynchronizationMove(), text).Select(mutant => mutant.Change.Split(' ')[1]));
        Assert.Equal(["&shared.full → &shared.full + 1"], Mutate(new BarrierExchange(), text).Select(mutant => mutant.Change));
        Assert.Equal(["k != 0 → true", "k != 0 → false", "0 → 0 + 32", "64 → 64 + 8", "64 → 0"], Mutate(new DescriptorFields(), text).Select(mutant => mutant.Change));
    }

    [Fact]
    public void Comparisons_are_changed_in_deciding_functions_only_and_not_those_of_constants()
    {
        Mutant[] mutants = Mutate(new Comparisons(new HashSet<string> { "decides" }), """
            __device__ bool decides(float x, float y) {
                return x < limit(y) && UNITS > 1;
            }
            __device__ bool other(float x) { return x < 1.0f; }
            """);
        Assert.Equal(["x < limit(y) → x <= limit(y)", "x < limit(y) → x > limit(y)", "x < limit(y) → true", "x < limit(y) → false"],
            mutants.Select(mutant => mutant.Change).Where(change => !change.Contains("||", StringComparison.Ordinal)));
    }

    [Fact]
    public void Mutants_name_file_line_and_function()
    {
        Mutant mutant = Assert.Single(Mutate(new SynchronizationRemoval(), """
            struct Worker {
                __device__ void wait() const {
                    compute();
                    mbarrier_wait(&shared.full, parities >> stage & 1);
                }
            };
            """));
        Assert.Equal(("templates/kernels/kernel.cu", 5, "Worker::wait"), (mutant.File, mutant.Line, mutant.Function));
    }

    /// <summary>A rule that finds nothing in a kernel is a rule that has lost its kernel.</summary>
    [Fact]
    public void Every_rule_finds_something_in_every_kernel()
    {
        foreach (MutationTarget target in MutationTarget.All)
        {
            HashSet<string> found = [.. MutantGenerator.Generate(target).Select(mutant => mutant.Rule)];
            Assert.True(target.Rules.All(rule => found.Contains(rule.Name) || (rule is RegisterCounts && target.Name.EndsWith("decode", StringComparison.Ordinal))), target.Name);
            Assert.All(target.Deciding, function => Assert.Contains(MutantGenerator.Generate(target), mutant => mutant.Function == function));
        }
    }

    private static Mutant[] Mutate(IMutationRule rule, string kernel)
    {
        Dictionary<string, string> files = new()
        {
            ["templates/kernels/kernel.cu"] = "#include \"../ptx/layer.cuh\"\n" + kernel,
            ["templates/ptx/layer.cuh"] = Layer,
        };
        return [.. MutantGenerator.Generate(new TemplateSet(files, "templates/kernels/kernel.cu"), [rule])];
    }

    private static string OneLine(string text) => string.Join(' ', text.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
}
