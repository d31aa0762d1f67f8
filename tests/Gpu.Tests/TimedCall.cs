using System.Runtime.InteropServices;

namespace SkipSoftmax.Gpu;

/// <summary>One call's tensors <c>[batch, length, heads, head_dim]</c> of bfloat16 in device memory, packed in this order; as device.py lays it out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TimedCall
{
    public nint Query, Key, Value, Output, Counters, BlockTable, Stream;
    public int Batch, QueryLength, KeyLength, QueryHeads, KeyValueHeads, HeadDim;

    /// <summary>Of a paged cache: pages in the pool, and in a row of the table.</summary>
    public int Pages, PagesPerSequence;

    public float Lambda;

    public readonly void Enqueue(AttentionContext context, Timed timed)
    {
        TensorShape queryShape = new(Batch, QueryLength, QueryHeads, HeadDim);
        TensorView query = TensorView.Device(Query, ElementType.BFloat16, queryShape);
        TensorShape keyShape = new(Batch, KeyLength, KeyValueHeads, HeadDim);
        PageShape pool = new(Pages, timed.Specification.PageSize, KeyValueHeads, HeadDim);
        AttentionInputs inputs = timed.Specification.KvLayout == KvLayout.Contiguous
            ? new(query, TensorView.Device(Key, ElementType.BFloat16, keyShape), TensorView.Device(Value, ElementType.BFloat16, keyShape)) { Stream = Stream }
            : new(query, PagedView.Device(Key, ElementType.BFloat16, pool), PagedView.Device(Value, ElementType.BFloat16, pool), SkipSoftmax.BlockTable.Device(BlockTable, Batch, PagesPerSequence)) { Stream = Stream };
        AttentionOutput output = new(OutputView.Device(Output, ElementType.BFloat16, queryShape))
        {
            Counters = !timed.Specification.CountTiles ? default : OutputBuffer<TileCounters>.Device(Counters, Batch * (timed.Specification.Phase == AttentionPhase.Decode ? KeyValueHeads : QueryHeads)),
        };
        timed.Enqueue(context, inputs, output, timed.Specification.Threshold == ThresholdMode.Off ? default : SkipThreshold.Fixed(Lambda));
    }
}
