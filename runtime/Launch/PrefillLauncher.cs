using System.Runtime.CompilerServices;
using SkipSoftmax.Arguments;
using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>
/// Enqueues one prefill on the problem's stream: zeroes what is counted, then <c>skip_softmax_prefill(query, key, value, arguments)</c>.
/// Allocates nothing, waits for nothing, and may be captured.
/// </summary>
internal static unsafe class PrefillLauncher
{
    /// <summary>K and V worked on at one time: about half of Hopper's L2, which Q and O pass through as well.</summary>
    private const long SectionBytes = 32 << 20;

    private const double Log2E = 1.4426950408889634;

    /// <param name="kernel">A kernel of the problem's declaration, on the device that holds the tensors.</param>
    /// <param name="problem">Everything in device memory.</param>
    public static void Launch(LoadedKernel kernel, in AttentionProblem problem)
    {
        DeviceLayout.Require(problem);
        ICudaDriver driver = kernel.Device.Driver;
        using GpuDevice.Scope scope = kernel.Device.Enter();

        TensorMap* maps = Align(stackalloc byte[(3 * sizeof(TensorMap)) + TensorMap.Alignment]);
        kernel.Device.TensorMaps.Encode(driver, &maps[0], "inputs.Query", problem.Query, kernel.Kernel.QueryBox, TensorMapL2Promotion.Bytes256);
        kernel.Device.TensorMaps.Encode(driver, &maps[1], "inputs.Key", problem.Key, kernel.Kernel.KeyTile, TensorMapL2Promotion.Bytes256);
        kernel.Device.TensorMaps.Encode(driver, &maps[2], "inputs.Value", problem.Value, kernel.Kernel.ValueBox, TensorMapL2Promotion.Bytes256);

        bool capturing = kernel.Device.IsCapturing(problem.Stream);
        PrefillArguments arguments = ArgumentsOf(problem, kernel.Slots.Take(capturing));
        Zero(driver, problem.Counters, problem.Stream);
        Zero(driver, problem.Decisions, problem.Stream);
        void** parameters = stackalloc void*[] { &maps[0], &maps[1], &maps[2], &arguments };
        driver.Require(driver.LaunchKernel(kernel.Function, GridOf(kernel, problem), (uint)kernel.Kernel.Threads, (uint)kernel.Kernel.SharedMemoryBytes,
            problem.Stream, parameters, overlapping: false), "cuLaunchKernelEx");
    }

    /// <summary>One CTA an SM, or one a work tile where there are fewer.</summary>
    private static uint GridOf(LoadedKernel kernel, in AttentionProblem problem)
    {
        long tiles = (long)problem.Batch * problem.QueryHeads * AttentionProblem.BlocksOf(problem.Query.Shape.Length, kernel.Kernel.QueryTile);
        return (uint)Math.Min(tiles, kernel.Device.Info.Multiprocessors);
    }

    private static PrefillArguments ArgumentsOf(in AttentionProblem problem, nint scheduler) => new()
    {
        Output = problem.Output.DevicePointer,
        Lse = problem.Lse.DevicePointer,
        Counters = problem.Counters.DevicePointer,
        Decisions = problem.Decisions.DevicePointer,
        Thresholds = problem.Threshold.PerSequenceValues.DevicePointer,
        QueryLengths = problem.QueryLengths.DevicePointer,
        KeyLengths = problem.KeyLengths.DevicePointer,
        Scheduler = scheduler,
        OutputBatchStride = problem.Output.Strides.Batch,
        OutputRowStride = problem.Output.Strides.Length,
        OutputHeadStride = problem.Output.Strides.Head,
        Batch = problem.Batch,
        QueryLength = problem.Query.Shape.Length,
        KeyLength = problem.Key.Shape.Length,
        QueryHeads = problem.QueryHeads,
        KeyValueHeads = problem.KeyValueHeads,
        QueryBlocks = problem.QueryBlocks,
        KeyBlocks = problem.KeyBlocks,
        SectionHeads = SectionHeadsOf(problem),
        ScaleLog2 = (float)(problem.Scale * Log2E),
        Log2Threshold = MathF.Log2(problem.Threshold.Value),
    };

    /// <summary>As many key/value heads as fill the section's share of L2 with their K and V.</summary>
    private static int SectionHeadsOf(in AttentionProblem problem)
    {
        long headBytes = 2L * problem.Key.Shape.Length * problem.HeadDim * TensorLayout.SizeOf(problem.Specification.Element);
        return (int)Math.Clamp(SectionBytes / headBytes, 1, (long)problem.Batch * problem.KeyValueHeads);
    }

    private static void Zero<T>(ICudaDriver driver, OutputBuffer<T> buffer, nint stream) where T : unmanaged
    {
        if (!buffer.IsEmpty)
        {
            driver.Require(driver.MemsetD8Async(buffer.DevicePointer, 0, (nuint)(buffer.Length * sizeof(T)), stream), "cuMemsetD8Async");
        }
    }

    private static TensorMap* Align(Span<byte> memory) =>
        (TensorMap*)(((nint)Unsafe.AsPointer(ref memory[0]) + TensorMap.Alignment - 1) & -TensorMap.Alignment);
}
