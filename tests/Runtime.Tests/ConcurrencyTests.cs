namespace SkipSoftmax.Tests;

/// <summary>One context, 64 threads.</summary>
public sealed class ConcurrencyTests
{
    private const int Threads = 64, Rounds = 20;

    private static readonly TensorShape half = new(1, 3, 2, 64), single = new(1, 70, 2, 64);

    private readonly FakeDriver driver = new(9, 0);

    public ConcurrencyTests() => driver.OnLaunch = arguments => LaunchTests.CopyRows(arguments, driver.Maps[0].Address);

    [Fact]
    public void Threads_that_compile_and_launch_at_once_compile_each_kernel_once_and_get_their_own_results()
    {
        using var folder = new TemporaryFolder();
        var compiler = new FakeCompiler { Duration = TimeSpan.FromMilliseconds(20) };
        float[][] inputs = [.. Enumerable.Range(0, Threads).Select(Values)];
        float[][] expected;
        using (AttentionContext alone = new(new() { Policy = BackendPolicy.CpuOnly, CpuThreads = 1 }))
        {
            expected = [.. inputs.Select(input => RunOnCpu(alone, input))];
        }
        using (AttentionContext context = FakeMachine.Context(driver, compiler, folder))
        {
            ManyThreads.Run(Threads, thread =>
            {
                for (int round = 0; round < Rounds; round++)
                {
                    switch ((thread + round) % 4)
                    {
                        case 0:
                            context.Prepare<BothTargets>();
                            break;
                        case 1:
                            context.Prepare<PagedDecodeHalf>();
                            break;
                        case 2:
                            context.Prepare<Sm90HalfWithResults>();
                            break;
                        default:
                            Assert.Equal(Backend.Gpu, context.ChooseBackend<Sm90Half>().Backend);
                            break;
                    }
                    RequireCopied(context, thread);
                    Assert.Equal(expected[thread], RunOnCpu(context, inputs[thread]));
                }
            });
            // Decode has a kernel for each of two row capacities.
            Assert.Equal((5, 5, Threads * Rounds), (compiler.Compilations, driver.ModulesLoaded, driver.Launches));
            Assert.Equal(5, Directory.GetFiles(folder).Length);
            Assert.Empty(context.Describe().Warnings);
        }
        Assert.Equal((5, 0), (driver.ModulesUnloaded, driver.Allocations));
    }

    [Fact]
    public void Context_disposed_under_its_callers_ends_each_call_or_refuses_it_and_frees_everything()
    {
        AttentionContext context = FakeMachine.Context(driver, new FakeCompiler(), cacheFolder: null);
        int refused = 0;
        ManyThreads.Run(Threads, thread =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                if (thread == 0 && round == Rounds / 2)
                {
                    context.Dispose();
                }
                try
                {
                    RequireCopied(context, thread);
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref refused);
                }
            }
        });
        Assert.Equal(Threads * Rounds, driver.Launches + refused);
        Assert.InRange(refused, Rounds / 2, Threads * Rounds);
        Assert.Equal((1, 1, 1, 0), (driver.ModulesLoaded, driver.ModulesUnloaded, driver.ContextsReleased, driver.Allocations));
    }

    /// <summary>On the device that copies Q to O.</summary>
    private static void RequireCopied(AttentionContext context, int thread)
    {
        Half[] query = [.. Enumerable.Range(0, 3 * 2 * 64).Select(index => (Half)(index + thread))], output = new Half[query.Length];
        TensorView view = TensorView.Host<Half>(query, half);
        context.Run<Sm90Half>(
            new AttentionInputs(view, view, view) { QueryLengths = new[] { 3 } }, new AttentionOutput(OutputView.Host<Half>(output, half)), SkipThreshold.Fixed(0.1f));
        Assert.Equal(query, output);
    }

    private static float[] RunOnCpu(AttentionContext context, float[] input)
    {
        var output = new float[input.Length];
        TensorView view = TensorView.Host<float>(input, single);
        context.Run<FixedFloat32>(new AttentionInputs(view, view, view), new AttentionOutput(OutputView.Host<float>(output, single)), SkipThreshold.Fixed(0.1f));
        return output;
    }

    private static float[] Values(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 70 * 2 * 64).Select(_ => (4 * random.NextSingle()) - 2)];
    }
}
