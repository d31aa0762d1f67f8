using SkipSoftmax.Arguments;
using SkipSoftmax.Native;

namespace SkipSoftmax.Launch;

/// <summary>Runs a kernel on tensors in host memory: copies everything to the device, launches, waits, copies the results back.</summary>
internal static class HostTensors
{
    public static void Run(LoadedKernel kernel, in AttentionProblem problem)
    {
        ICudaDriver driver = kernel.Device.Driver;
        nint stream = problem.Stream;
        using GpuDevice.Scope scope = kernel.Device.Enter();
        if (kernel.Device.IsCapturing(stream))
        {
            throw new InvalidOperationException("Host tensors can't be captured into a CUDA graph, because their copies are waited for: pass device tensors.");
        }
        using DeviceCopy query = Copy(driver, problem.Query, stream);
        using DeviceCopy key = Copy(driver, problem.Key, stream);
        using DeviceCopy value = Copy(driver, problem.Value, stream);
        // Results are copied to the device as well: rows past a sequence's length are not written and must come back as they were.
        using DeviceCopy output = DeviceCopy.Of(driver, problem.Output.HostBytes, problem.Output.Shape, problem.Output.Strides, problem.Output.Element, stream);
        using DeviceCopy lse = DeviceCopy.Of<float>(driver, problem.Lse.HostValues, stream);
        using DeviceCopy counters = DeviceCopy.Of<TileCounters>(driver, problem.Counters.HostValues, stream);
        using DeviceCopy decisions = DeviceCopy.Of<TileDecision>(driver, problem.Decisions.HostValues, stream);
        using DeviceCopy queryLengths = DeviceCopy.Of(driver, problem.QueryLengths.HostValues, stream);
        using DeviceCopy keyLengths = DeviceCopy.Of(driver, problem.KeyLengths.HostValues, stream);
        using DeviceCopy thresholds = DeviceCopy.Of(driver, problem.Threshold.PerSequenceValues.HostValues, stream);

        using DeviceCopy blockTable = DeviceCopy.Of(driver, problem.BlockTable.Pages.HostValues, stream);
        using DeviceCopy status = DeviceCopy.Of<DecodeStatus>(driver, problem.Status.HostValues, stream);

        InputBuffer<float> lambdas = Buffer<float>(thresholds, problem.Threshold.PerSequenceValues.Length);
        KernelLauncher.Launch(kernel, new AttentionProblem
        {
            Specification = problem.Specification,
            Query = TensorView.Device(query.Pointer, problem.Query.Element, problem.Query.Shape),
            Key = TensorView.Device(key.Pointer, problem.Key.Element, problem.Key.Shape),
            Value = TensorView.Device(value.Pointer, problem.Value.Element, problem.Value.Shape),
            Output = OutputView.Device(output.Pointer, problem.Output.Element, problem.Output.Shape),
            Lse = Result<float>(lse, problem.Lse.Length),
            Counters = Result<TileCounters>(counters, problem.Counters.Length),
            Decisions = Result<TileDecision>(decisions, problem.Decisions.Length),
            Status = Result<DecodeStatus>(status, problem.Status.Length),
            BlockTable = problem.BlockTable.IsEmpty ? default : BlockTable.Device(blockTable.Pointer, problem.BlockTable.Batch, problem.BlockTable.PagesPerSequence),
            QueryLengths = Buffer<int>(queryLengths, problem.QueryLengths.Length),
            KeyLengths = Buffer<int>(keyLengths, problem.KeyLengths.Length),
            Threshold = lambdas.IsEmpty ? problem.Threshold : SkipThreshold.PerSequence(lambdas),
            Scale = problem.Scale,
            Stream = stream,
        });

        output.Download(problem.Output.HostBytes, problem.Output.Shape, problem.Output.Strides, problem.Output.Element);
        lse.Download(problem.Lse.HostValues);
        counters.Download(problem.Counters.HostValues);
        decisions.Download(problem.Decisions.HostValues);
        status.Download(problem.Status.HostValues);
    }

    private static DeviceCopy Copy(ICudaDriver driver, TensorView view, nint stream) =>
        DeviceCopy.Of(driver, view.HostBytes, view.Shape, view.Strides, view.Element, stream);

    private static InputBuffer<T> Buffer<T>(DeviceCopy copy, long length) where T : unmanaged =>
        copy.Pointer == 0 ? default : InputBuffer<T>.Device(copy.Pointer, length);

    private static OutputBuffer<T> Result<T>(DeviceCopy copy, long length) where T : unmanaged =>
        copy.Pointer == 0 ? default : OutputBuffer<T>.Device(copy.Pointer, length);
}
