using System.Runtime.InteropServices;

namespace SkipSoftmax.Launch;

/// <summary>The kernel's last parameter. Mirrors <c>PrefillArguments</c> of <c>templates/skip_softmax/arguments.cuh</c> field by field: natural alignment, 128 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PrefillArguments
{
    /// <summary>O, elements of the declared type.</summary>
    public nint Output;

    /// <summary><c>float[batch, query heads, query length]</c>; null unless declared.</summary>
    public nint Lse;

    /// <summary><c>{visited, skipped}</c> as two 64-bit numbers, <c>[batch, query heads]</c>, zeroed before the launch; null unless declared.</summary>
    public nint Counters;

    /// <summary><c>uint8[batch, query heads, query blocks, key blocks]</c>, zeroed before the launch; null unless declared.</summary>
    public nint Decisions;

    /// <summary><c>float[batch]</c> for <see cref="ThresholdMode.PerSequence"/>; null otherwise.</summary>
    public nint Thresholds;

    /// <summary><c>int32[batch]</c>, or null: every sequence has <see cref="QueryLength"/>.</summary>
    public nint QueryLengths;

    /// <summary><c>int32[batch]</c>, or null: every sequence has <see cref="KeyLength"/>.</summary>
    public nint KeyLengths;

    /// <summary>One 32-bit word: tickets for work tiles beyond the first wave. Zero before the launch; whoever takes the last ticket zeroes it again.</summary>
    public nint Scheduler;

    /// <summary>Elements from one sequence of O to the next.</summary>
    public long OutputBatchStride;

    /// <summary>Elements from one token of O to the next.</summary>
    public long OutputRowStride;

    /// <summary>Elements from one head of O to the next.</summary>
    public long OutputHeadStride;

    public int Batch;

    /// <summary>The tensor's extent.</summary>
    public int QueryLength;

    /// <summary>The tensor's extent.</summary>
    public int KeyLength;

    public int QueryHeads;

    public int KeyValueHeads;

    /// <summary>Decision blocks of the query tensor's extent.</summary>
    public int QueryBlocks;

    /// <summary>Decision blocks of the key tensor's extent.</summary>
    public int KeyBlocks;

    /// <summary>(sequence, key/value head) pairs worked on together, so that their K and V stay in L2: 1 … batch · key/value heads.</summary>
    public int SectionHeads;

    /// <summary>Factor of q·k, times log₂ e.</summary>
    public float ScaleLog2;

    /// <summary>log₂ λ for <see cref="ThresholdMode.Fixed"/>, log₂ <c>threshold_scale_factor</c> for <see cref="ThresholdMode.ContextScaled"/>
    /// and <see cref="ThresholdMode.TargetSparsity"/>, unused otherwise; −∞ skips nothing.</summary>
    public float Log2Threshold;
}
