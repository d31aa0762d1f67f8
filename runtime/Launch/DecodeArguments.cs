using System.Runtime.InteropServices;

namespace SkipSoftmax.Launch;

/// <summary>The decode kernel's last parameter. Mirrors <c>DecodeArguments</c> of <c>templates/skip_softmax/decode_arguments.cuh</c> field by field: natural
/// alignment, 200 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DecodeArguments
{
    /// <summary>Q, elements of the declared type.</summary>
    public nint Query;

    /// <summary>O, elements of the declared type.</summary>
    public nint Output;

    /// <summary><c>float[batch, query heads, query length]</c>; null unless declared.</summary>
    public nint Lse;

    /// <summary><c>{visited, skipped}</c> as two 64-bit numbers, <c>[batch, key/value heads]</c>, zeroed before the launch; null unless declared.</summary>
    public nint Counters;

    /// <summary><c>uint8[batch, key/value heads, key blocks]</c>, zeroed before the launch; null unless declared.</summary>
    public nint Decisions;

    /// <summary><c>float[batch]</c> for <see cref="ThresholdMode.PerSequence"/>; null otherwise.</summary>
    public nint Thresholds;

    /// <summary><c>int32[batch]</c>, or null: every sequence has <see cref="QueryLength"/>.</summary>
    public nint QueryLengths;

    /// <summary><c>int32[batch]</c>, or null: every sequence has <see cref="KeyLength"/>.</summary>
    public nint KeyLengths;

    /// <summary><c>int32[batch, table width]</c>; null where keys and values are contiguous.</summary>
    public nint BlockTable;

    /// <summary>Two parts of heads for each CTA: <see cref="DecodeWorkspace"/>.</summary>
    public nint Partials;

    /// <summary><c>uint64[1 + 2 · words]</c>: the workspace's count of launches, and two sets of words in which CTAs meet, see <c>combine.cuh</c>.</summary>
    public nint Meetings;

    /// <summary>A <see cref="DecodeStatus"/>, zeroed before the launch; may be null.</summary>
    public nint Status;

    /// <summary>Elements from one sequence of Q to the next.</summary>
    public long QueryBatchStride;

    /// <summary>Elements from one token of Q to the next.</summary>
    public long QueryRowStride;

    /// <summary>Elements from one head of Q to the next.</summary>
    public long QueryHeadStride;

    /// <summary>Elements from one sequence of O to the next.</summary>
    public long OutputBatchStride;

    /// <summary>Elements from one token of O to the next.</summary>
    public long OutputRowStride;

    /// <summary>Elements from one head of O to the next.</summary>
    public long OutputHeadStride;

    public int Batch;

    /// <summary>The tensor's extent.</summary>
    public int QueryLength;

    /// <summary>Tokens that a sequence has room for.</summary>
    public int KeyLength;

    public int QueryHeads;

    public int KeyValueHeads;

    /// <summary>Decision blocks of <see cref="KeyLength"/>.</summary>
    public int KeyBlocks;

    /// <summary>Entries of a row of the block table.</summary>
    public int TableWidth;

    /// <summary>Pages in the pool: no other number is followed.</summary>
    public int Pages;

    /// <summary><see cref="DecodeShares.HeadPieces"/>; not looked at where <see cref="KeyLengths"/> are given.</summary>
    public int HeadPieces;

    /// <summary><see cref="DecodeShares.CtaPieces"/>; likewise.</summary>
    public int CtaPieces;

    /// <summary>Words of a set of <see cref="Meetings"/>.</summary>
    public int MeetingWords;

    /// <summary>Factor of q·k, times log₂ e.</summary>
    public float ScaleLog2;

    /// <summary>As <see cref="PrefillArguments.Log2Threshold"/>.</summary>
    public float Log2Threshold;
}
