using System.Runtime.CompilerServices;
using SkipSoftmax.Arguments;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>
/// Enqueues one decode on the problem's stream: zeroes what is counted, then <c>skip_softmax_decode(key, value, arguments)</c>. Once the stream's
/// workspace is large enough it allocates nothing and may be captured; it waits for nothing. The grid depends on extents only, never on lengths, so
/// that a captured launch serves sequences as they grow.
/// </summary>
internal static unsafe class DecodeLauncher
{
    /// <summary>A CTA's first and its last segment may be parts of heads.</summary>
    private const int PartsOfCta = 2;

    private const double Log2E = 1.4426950408889634;

    /// <summary>The kernel of the declaration that holds the problem's rows: of those from <paramref name="first"/> on, the smallest.</summary>
    /// <exception cref="ArgumentException">None does.</exception>
    public static int KernelFor(IReadOnlyList<GpuKernel> kernels, int first, in AttentionProblem problem)
    {
        int rows = RowsOf(problem);
        int index = first;
        for (; kernels[index].QueryTile < rows; index++)
        {
            if (index + 1 == kernels.Count || kernels[index + 1].Target != kernels[first].Target)
            {
                throw new ArgumentException(
                    $"inputs.Query has shape {problem.Query.Shape}, so {problem.GroupSize} query heads share each of the {problem.KeyValueHeads} key/value heads, which makes "
                    + $"{rows} rows with {problem.Query.Shape.Length} query tokens, but the kernels of {problem.Specification.Name} hold {kernels[index].QueryTile}: "
                    + "pass fewer query heads a key/value head (at most 16 with the declared query length), or fewer query tokens.", "inputs.Query");
            }
        }
        return index;
    }

    /// <param name="kernel">A kernel of the problem's declaration that holds its rows, on the device that holds the tensors.</param>
    /// <param name="problem">Everything in device memory.</param>
    /// <param name="ctas">CTAs to share the keys out to; 0: as many as fill the device.</param>
    public static void Launch(LoadedKernel kernel, in AttentionProblem problem, int ctas = 0)
    {
        DeviceLayout.Require(problem);
        RequireTiles(problem);
        ICudaDriver driver = kernel.Device.Driver;
        using GpuDevice.Scope scope = kernel.Device.Enter();

        int most = ctas > 0 ? ctas : MostCtasOf(kernel, problem);
        DecodeShares shares = problem.KeyLengths.IsEmpty ? DecodeShares.Of((long)problem.Batch * problem.KeyValueHeads, problem.KeyBlocks, most) : new(most, 0, 0);
        int grid = shares.Ctas;
        // A row's numerators, maximum and sum, each beside the launch's number.
        long partBytes = (long)kernel.Kernel.QueryTile * (problem.HeadDim + 2) * sizeof(ulong);
        DecodeWorkspace.Memory workspace = kernel.Device.Workspaces.Take(problem.Stream, PartsOfCta * grid * partBytes, PartsOfCta * grid);

        TensorMap* maps = Align(stackalloc byte[(2 * sizeof(TensorMap)) + TensorMap.Alignment]);
        // Each byte is read once: a promotion to 256 bytes fetches a neighbouring head's, which nobody asks for in time (9 to 40 % slower on an H200).
        kernel.Device.TensorMaps.Encode(driver, &maps[0], "inputs.Key", problem.Key, kernel.Kernel.KeyTile, TensorMapL2Promotion.Bytes128);
        kernel.Device.TensorMaps.Encode(driver, &maps[1], "inputs.Value", problem.Value, kernel.Kernel.ValueBox, TensorMapL2Promotion.Bytes128);

        DecodeArguments arguments = ArgumentsOf(problem, shares, workspace);
        bool zeroes = Zero(driver, problem.Counters, problem.Stream) | Zero(driver, problem.Decisions, problem.Stream) | Zero(driver, problem.Status, problem.Stream);
        void** parameters = stackalloc void*[] { &maps[0], &maps[1], &arguments };
        driver.Require(driver.LaunchKernel(kernel.Function, (uint)grid, (uint)kernel.Kernel.Threads, (uint)kernel.Kernel.SharedMemoryBytes,
            problem.Stream, parameters, !zeroes && Overlaps(grid, kernel.Device.Info.Multiprocessors)), "cuLaunchKernelEx");
    }

    private static int RowsOf(in AttentionProblem problem) => problem.GroupSize * problem.Query.Shape.Length;

    private static Int128 TilesOf(in AttentionProblem problem) => (Int128)problem.Batch * problem.KeyValueHeads * problem.KeyBlocks;

    /// <summary>The kernel numbers tiles with 32 bits.</summary>
    private static void RequireTiles(in AttentionProblem problem)
    {
        if (TilesOf(problem) is Int128 tiles && tiles > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException("inputs.Key", problem.Key.Shape.ToString(),
                $"inputs.Key has room for batch × key/value heads × key blocks = {tiles} tiles, but at most {int.MaxValue} fit one call: split the batch over several calls.");
        }
    }

    /// <summary>One CTA an SM, or so many that every team has a tile where there are fewer.</summary>
    private static int MostCtasOf(LoadedKernel kernel, in AttentionProblem problem)
    {
        const int threadsOfRow = 2; // a warp of 32 for 16 rows
        int teams = kernel.Kernel.Threads / (threadsOfRow * kernel.Kernel.QueryTile);
        Int128 busy = Int128.Max(TilesOf(problem) / teams, 1);
        return (int)Int128.Min(busy, kernel.Device.Info.Multiprocessors);
    }

    /// <summary>
    /// Whether CTAs may begin while the kernel before in the stream ends; they read nothing until it has. They go where room comes first, so that a few
    /// multiprocessors left without a CTA would be those that were busy longest, unevenly spread over the device: 1 to 2 % slower on an H200 with 128 of 132,
    /// where beginning early gains 2.5 µs. Only kernels are overlapped, so not what is zeroed before.
    /// </summary>
    private static bool Overlaps(int grid, int multiprocessors) => grid >= multiprocessors || 2 * grid <= multiprocessors;

    private static DecodeArguments ArgumentsOf(in AttentionProblem problem, DecodeShares shares, in DecodeWorkspace.Memory workspace) => new()
    {
        Query = problem.Query.DevicePointer,
        Output = problem.Output.DevicePointer,
        Lse = problem.Lse.DevicePointer,
        Counters = problem.Counters.DevicePointer,
        Decisions = problem.Decisions.DevicePointer,
        Thresholds = problem.Threshold.PerSequenceValues.DevicePointer,
        QueryLengths = problem.QueryLengths.DevicePointer,
        KeyLengths = problem.KeyLengths.DevicePointer,
        BlockTable = problem.BlockTable.Pages.DevicePointer,
        Partials = workspace.Partials,
        Meetings = workspace.Meetings,
        Status = problem.Status.DevicePointer,
        QueryBatchStride = problem.Query.Strides.Batch,
        QueryRowStride = problem.Query.Strides.Length,
        QueryHeadStride = problem.Query.Strides.Head,
        OutputBatchStride = problem.Output.Strides.Batch,
        OutputRowStride = problem.Output.Strides.Length,
        OutputHeadStride = problem.Output.Strides.Head,
        Batch = problem.Batch,
        QueryLength = problem.Query.Shape.Length,
        KeyLength = problem.KeyCapacity,
        QueryHeads = problem.QueryHeads,
        KeyValueHeads = problem.KeyValueHeads,
        KeyBlocks = problem.KeyBlocks,
        TableWidth = problem.BlockTable.PagesPerSequence,
        Pages = problem.BlockTable.IsEmpty ? 0 : problem.Key.Shape.Batch,
        HeadPieces = shares.HeadPieces,
        CtaPieces = shares.CtaPieces,
        MeetingWords = workspace.MeetingWords,
        ScaleLog2 = (float)(problem.Scale * Log2E),
        Log2Threshold = MathF.Log2(problem.Threshold.Value),
    };

    /// <returns>Whether there is anything to zero.</returns>
    private static bool Zero<T>(ICudaDriver driver, OutputBuffer<T> buffer, nint stream) where T : unmanaged
    {
        if (!buffer.IsEmpty)
        {
            driver.Require(driver.MemsetD8Async(buffer.DevicePointer, 0, (nuint)(buffer.Length * sizeof(T)), stream), "cuMemsetD8Async");
        }
        return !buffer.IsEmpty;
    }

    private static TensorMap* Align(Span<byte> memory) =>
        (TensorMap*)(((nint)Unsafe.AsPointer(ref memory[0]) + TensorMap.Alignment - 1) & -TensorMap.Alignment);
}
