using System.Runtime.InteropServices;
using SkipSoftmax.Arguments;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>Memory that kernels read and write.</summary>
public interface IDeviceMemory
{
    /// <summary>Allocates and fills memory that errors call by a name.</summary>
    nint Copy(string name, ReadOnlySpan<byte> bytes, bool writable);

    /// <summary>Reads what a kernel left at an address.</summary>
    void CopyBack(nint address, Span<byte> bytes);
}

/// <summary>A case in device memory. What its declaration does not ask for (LSE, counters, decisions) stays as it was allocated.</summary>
/// <param name="attentionCase">The case.</param>
/// <param name="defects">What stands in device memory in the place of the case's own.</param>
internal sealed class DeviceCase(AttentionCase attentionCase, DeviceDefects? defects = null)
{
    private readonly DecodeStatus[] status = [(DecodeStatus)0xEEEE];
    private nint output, lse, counters, decisions, statusWord;

    /// <summary>Poisoned, until it is copied back.</summary>
    public BackendResult Result { get; } = BackendResult.Allocate(attentionCase);

    /// <summary>Of decode: what the kernel found wrong in device memory.</summary>
    public DecodeStatus Status => attentionCase.Specification.Phase == AttentionPhase.Decode ? status[0] : DecodeStatus.None;

    /// <summary>Gives the problem with everything in device memory.</summary>
    public AttentionProblem CopyTo(IDeviceMemory memory)
    {
        AttentionSpecification specification = attentionCase.Specification;
        PagedCache? pages = attentionCase.Paging is null ? null : PagedCache.Of(attentionCase);
        output = memory.Copy("output", Result.Output.OutputView.HostBytes, writable: true);
        lse = Copy<float>("LSE", Result.Lse, writable: true);
        counters = Copy<TileCounters>("counters", Result.Counters, writable: true);
        decisions = Copy<TileDecision>("decisions", Result.Decisions, writable: true);
        statusWord = Copy<DecodeStatus>("status", status, writable: true);
        return new()
        {
            Specification = specification,
            Query = CopyTensor("query", attentionCase.Query.View),
            Key = CopyTensor("key", (pages?.Key ?? attentionCase.Key).View),
            Value = CopyTensor("value", (pages?.Value ?? attentionCase.Value).View),
            BlockTable = pages is null
                ? default
                : BlockTable.Device(Copy<int>("block table", defects?.Table ?? pages.Table, writable: false), attentionCase.Batch, pages.PagesPerSequence),
            Status = specification.Phase == AttentionPhase.Decode ? OutputBuffer<DecodeStatus>.Device(statusWord, 1) : default,
            Output = OutputView.Device(output, Result.Output.Element, attentionCase.Query.Shape, Result.Output.Strides),
            Lse = specification.ReturnLse ? OutputBuffer<float>.Device(lse, Result.Lse.Length) : default,
            Counters = specification.CountTiles ? OutputBuffer<TileCounters>.Device(counters, Result.Counters.Length) : default,
            Decisions = specification.RecordDecisions ? OutputBuffer<TileDecision>.Device(decisions, Result.Decisions.Length) : default,
            QueryLengths = CopyBuffer<int>("query lengths", defects?.QueryLengths ?? attentionCase.QueryLengths),
            KeyLengths = CopyBuffer<int>("key lengths", defects?.KeyLengths ?? pages?.KeyLengths ?? attentionCase.KeyLengths),
            Threshold = specification.Threshold == ThresholdMode.PerSequence
                ? SkipThreshold.PerSequence(CopyBuffer<float>("thresholds", attentionCase.SequenceThresholds))
                : attentionCase.Threshold,
            Scale = attentionCase.Scale,
        };

        nint Copy<T>(string name, ReadOnlySpan<T> values, bool writable) where T : unmanaged => memory.Copy(name, MemoryMarshal.AsBytes(values), writable);

        TensorView CopyTensor(string name, TensorView view) =>
            TensorView.Device(memory.Copy(name, view.HostBytes, writable: false), view.Element, view.Shape, view.Strides);

        InputBuffer<T> CopyBuffer<T>(string name, T[]? values) where T : unmanaged =>
            values is null ? default : InputBuffer<T>.Device(Copy<T>(name, values, writable: false), values.Length);
    }

    /// <summary>Reads the results.</summary>
    public void CopyBack(IDeviceMemory memory)
    {
        memory.CopyBack(output, Result.Output.OutputView.HostBytes);
        memory.CopyBack(lse, MemoryMarshal.AsBytes(Result.Lse.AsSpan()));
        memory.CopyBack(counters, MemoryMarshal.AsBytes(Result.Counters.AsSpan()));
        memory.CopyBack(decisions, MemoryMarshal.AsBytes(Result.Decisions.AsSpan()));
        memory.CopyBack(statusWord, MemoryMarshal.AsBytes(status.AsSpan()));
    }
}

/// <summary>What stands in device memory in the place of a case's own lengths and block table, unchecked by the host.</summary>
internal sealed record DeviceDefects(int[]? Table = null, int[]? QueryLengths = null, int[]? KeyLengths = null);
