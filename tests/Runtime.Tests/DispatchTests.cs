using SkipSoftmax.Native;

namespace SkipSoftmax.Tests;

/// <summary>Which backend a declaration gets on which machine, and what is said about it.</summary>
public sealed class DispatchTests
{
    [Theory]
    [InlineData(9, 0, "sm_90a", "Sm90_d64_test")]
    [InlineData(10, 0, "sm_100a", "Sm100_d64_test")]
    [InlineData(10, 3, "sm_103a", "Sm100_d64_test")]
    public void Device_with_an_emitted_kernel_gets_it(int major, int minor, string architecture, string variant)
    {
        var compiler = new FakeCompiler();
        using AttentionContext context = FakeMachine.Context(new(major, minor), compiler, cacheFolder: null);
        BackendChoice choice = context.ChooseBackend<BothTargets>();
        Assert.Equal((Backend.Gpu, variant), (choice.Backend, choice.Variant));
        Assert.Contains($"compute capability {major}.{minor}", choice.Reason, StringComparison.Ordinal);
        Assert.Equal(0, compiler.Compilations);
        Assert.Equal(choice, context.Prepare<BothTargets>());
        Assert.Equal((1, architecture), (compiler.Compilations, compiler.LastArchitecture));
    }

    [Theory]
    [InlineData(8, 0)]
    [InlineData(8, 9)]
    [InlineData(10, 1)]
    [InlineData(12, 0)]
    public void Device_without_kernels_leads_to_the_cpu_or_an_error(int major, int minor) =>
        RequireCpu<BothTargets>(new(major, minor), new FakeCompiler(), $"compute capability {major}.{minor}", "use a GPU of compute capability 9.0");

    [Fact]
    public void Declaration_without_the_devices_target_leads_to_the_cpu_or_an_error() =>
        RequireCpu<Sm90Half>(new(10, 0), new FakeCompiler(), "Targets = Sm90, without Sm100", "add it to the declaration");

    [Fact]
    public void Declaration_without_targets_leads_to_the_cpu_or_an_error() =>
        RequireCpu<FixedFloat32>(new(9, 0), new FakeCompiler(), "Targets = None", "add the device's target");

    [Fact]
    public void Missing_driver_leads_to_the_cpu_or_an_error() => RequireCpu<BothTargets>(null, new FakeCompiler(), "No CUDA driver here.", "Install the NVIDIA driver");

    [Fact]
    public void Driver_without_a_device_leads_to_the_cpu_or_an_error()
    {
        RequireCpu<BothTargets>(new(9, 0) { InitResult = CudaResult.NoDevice }, new FakeCompiler(), "finds no device");
        RequireCpu<BothTargets>(new(9, 0) { InitResult = (CudaResult)803 }, new FakeCompiler(), "can't start: FAKE_ERROR_803");
        RequireCpu<BothTargets>(new(9, 0, devices: 0), new FakeCompiler(), "0 device(s)", "DeviceOrdinal 0 is none of them");
    }

    [Fact]
    public void Ordinal_beyond_the_devices_leads_to_the_cpu_or_an_error()
    {
        using AttentionContext context = FakeMachine.Context(new(9, 0, devices: 2), new FakeCompiler(), null, BackendPolicy.GpuOnly, ordinal: 2);
        Assert.Contains("DeviceOrdinal 2 is none of them: pass one below 2", Assert.Throws<InvalidOperationException>(context.ChooseBackend<BothTargets>).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_compiler_leads_to_the_cpu_or_an_error() => RequireCpu<BothTargets>(new(9, 0), null, "No NVRTC here.", "No cached kernel for sm_90a either");

    [Fact]
    public void Compiler_too_old_for_the_device_leads_to_the_cpu_or_an_error() =>
        RequireCpu<BothTargets>(new(10, 3), new() { Version = new(12, 8), Architectures = ["sm_90a", "sm_100a"] }, "NVRTC 12.8 is too old for sm_103a", "newer CUDA toolkit");

    [Fact]
    public void Cached_kernel_serves_without_a_compiler()
    {
        using var folder = new TemporaryFolder();
        using (AttentionContext compiling = FakeMachine.Context(new(9, 0), new FakeCompiler(), folder))
        {
            compiling.Prepare<BothTargets>();
        }
        var driver = new FakeDriver(9, 0);
        using AttentionContext context = FakeMachine.Context(driver, null, folder, BackendPolicy.GpuOnly);
        Assert.Equal(Backend.Gpu, context.Prepare<BothTargets>().Backend);
        Assert.Equal(1, driver.ModulesLoaded);
    }

    [Fact]
    public void Cpu_policy_ignores_devices_and_asks_no_driver()
    {
        using var context = new AttentionContext(new() { Policy = BackendPolicy.CpuOnly }, () => throw new InvalidOperationException("asked"), _ => throw new InvalidOperationException("asked"));
        Assert.Equal(new BackendChoice(Backend.Cpu, null, "The policy is CpuOnly."), context.Prepare<BothTargets>());
    }

    [Fact]
    public void Kernel_that_does_not_compile_is_an_error_with_the_log_and_not_the_cpu_path()
    {
        var compiler = new FakeCompiler { Failures = 1 };
        using AttentionContext context = FakeMachine.Context(new(9, 0), compiler, cacheFolder: null);
        Assert.Equal("the log", Assert.Throws<KernelCompilationException>(() => context.Prepare<BothTargets>()).Log);
        Assert.Equal(Backend.Gpu, context.Prepare<BothTargets>().Backend);
    }

    [Fact]
    public void Contexts_give_back_what_they_took()
    {
        var driver = new FakeDriver(9, 0);
        AttentionContext context = FakeMachine.Context(driver, new FakeCompiler(), cacheFolder: null);
        context.Prepare<Sm90Half>();
        context.Prepare<BothTargets>();
        Assert.Equal((2, 0, 1), (driver.ModulesLoaded, driver.ModulesUnloaded, driver.Allocations));
        context.Dispose();
        context.Dispose();
        Assert.Equal((2, 0, 1), (driver.ModulesUnloaded, driver.Allocations, driver.ContextsReleased));
    }

    [Fact]
    public void Machine_is_described_with_what_was_found()
    {
        using AttentionContext context = FakeMachine.Context(new(9, 0), new FakeCompiler(), "/dev/null/none");
        RuntimeDescription description = context.Describe();
        Assert.Equal(new Version(13, 1), description.DriverVersion);
        Assert.Equal(new GpuDeviceInfo(0, "Fake GPU", 9, 0, 132, 1 << 30), Assert.Single(description.Devices));
        Assert.Equal(new Version(13, 0), description.CompilerVersion);
        string text = description.ToString();
        Assert.Contains("device 0: Fake GPU, compute capability 9.0, 132 SMs, 1024 MiB", text, StringComparison.Ordinal);
        Assert.Contains("Cache: not used, the cache folder '/dev/null/none'", text, StringComparison.Ordinal);
        Assert.Contains("Warning: Compiled kernels are not kept", text, StringComparison.Ordinal);
    }

    [Fact]
    public void This_machine_is_described_whatever_it_lacks()
    {
        using var folder = new TemporaryFolder();
        RuntimeDescription description = SkipSoftmaxRuntime.Describe(new() { CacheDirectory = folder, NvrtcPath = "/no/such/folder", CpuThreads = 3 });
        Assert.Equal((folder.Path, null, 3), (description.CacheDirectory, description.CacheRefusal, description.CpuThreads));
        Assert.Null(description.CompilerVersion);
        Assert.Contains("'/no/such/folder' is no file or folder", description.Compiler, StringComparison.Ordinal);
        Assert.Equal(description.DriverVersion is null, description.Devices.Count == 0);
        Assert.NotEmpty(description.Driver);
    }

    [Fact]
    public void Warnings_reach_the_listener()
    {
        var heard = new List<string>();
        RuntimeDescription description = SkipSoftmaxRuntime.Describe(new() { CacheDirectory = "/dev/null/none", NvrtcPath = "/no/such/folder", OnWarning = heard.Add });
        Assert.Contains(description.CacheRefusal!, Assert.Single(heard), StringComparison.Ordinal);
    }

    private static void RequireCpu<TDescriptor>(FakeDriver? driver, FakeCompiler? compiler, params string[] texts) where TDescriptor : Descriptors.IAttentionDescriptor
    {
        using AttentionContext auto = FakeMachine.Context(driver, compiler, cacheFolder: null);
        BackendChoice choice = auto.Prepare<TDescriptor>();
        Assert.Equal((Backend.Cpu, null), (choice.Backend, choice.Variant));
        Assert.All(texts, text => Assert.Contains(text, choice.Reason, StringComparison.Ordinal));

        using AttentionContext gpuOnly = FakeMachine.Context(driver, compiler, cacheFolder: null, BackendPolicy.GpuOnly);
        string message = Assert.Throws<InvalidOperationException>(() => gpuOnly.Prepare<TDescriptor>()).Message;
        Assert.All(texts, text => Assert.Contains(text, message, StringComparison.Ordinal));
        Assert.Contains("the policy is GpuOnly", message, StringComparison.Ordinal);
    }
}
