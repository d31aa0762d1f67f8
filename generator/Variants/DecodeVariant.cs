using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>
/// Decode: teams of warps stream K, and V where it is kept, through rings of their own; each warp multiplies 16 query rows. One variant for each
/// number of rows that share a key/value head.
/// </summary>
internal abstract record DecodeVariant : KernelVariant
{
    /// <summary>
    /// Bytes that must be under way in each SM at all times for memory to be busy all the time, by Little's law: the SM's share of the bandwidth,
    /// times what a load takes under load.
    /// </summary>
    public abstract int BytesInFlight { get; }

    /// <summary>Room for query rows of one key/value head: a multiple of 16.</summary>
    public required int Rows { get; init; }

    /// <summary>Teams of <see cref="TeamWarps"/> warps in a CTA, each at tiles of its own.</summary>
    public required int Teams { get; init; }

    /// <summary>K or V tiles of one team, in flight or in use.</summary>
    public required int Stages { get; init; }

    public int TeamWarps => Rows / HardwareLimits.MmaRows;

    public int Warps => Teams * TeamWarps;

    /// <summary>Whether Q's fragments live in shared memory: with the numerators of a wide head they would not fit a thread's registers.</summary>
    public bool QueryInShared => Request.HeadDim > 128;

    public override string EntryPoint => "skip_softmax_decode";

    public override string Template => $"templates/kernels/{TargetName}_decode.cu";

    public override string ConstantsTemplate => "templates/constants/decode.cuh";

    public override int QueryTile => Rows;

    public override int QueryBox => 0;

    /// <summary>A box must not leave its page.</summary>
    public override int KeyTile => Request.KvLayout == KvLayout.Paged ? Math.Min(Request.PageSize, Request.KeyBlock) : Request.KeyBlock;

    public override int ValueBox => KeyTile;

    public override int Threads => HardwareLimits.ThreadsPerWarp * Warps;

    public override int SharedMemoryBytes => DecodeBudgets.SharedMemoryBytes(this);

    public override int EntryRegisters => DecodeBudgets.RegisterLimit(this);

    public override string Name => string.Concat(
        $"{TargetName}_decode_{VariantNames.Of(Request.Element)}_d{Request.HeadDim}_k{Request.KeyBlock}_",
        Request.KvLayout == KvLayout.Paged ? $"page{Request.PageSize}" : "contiguous",
        $"_{VariantNames.Of(Request.Mask)}_{VariantNames.Of(Request.Threshold)}_r{Rows}_t{Teams}_s{Stages}",
        Request.CountTiles ? "_count" : "",
        Request.RecordDecisions ? "_decisions" : "",
        Request.ReturnLse ? "_lse" : "");

    private string TargetName => Target.ToString().ToLowerInvariant();

    public override EquatableArray<KernelConstant> Constants => new(
    [
        KernelConstant.Of("HEAD_DIM", Request.HeadDim),
        KernelConstant.Of("KEY_BLOCK", Request.KeyBlock),
        KernelConstant.Of("PAGE_SIZE", Request.PageSize),
        KernelConstant.Of("ELEMENT", Request.Element),
        KernelConstant.Of("MASK", Request.Mask),
        KernelConstant.Of("THRESHOLD", Request.Threshold),
        KernelConstant.Of("COUNT_TILES", Request.CountTiles),
        KernelConstant.Of("RECORD_DECISIONS", Request.RecordDecisions),
        KernelConstant.Of("RETURN_LSE", Request.ReturnLse),
        KernelConstant.Of("ROWS", Rows),
        KernelConstant.Of("TEAMS", Teams),
        KernelConstant.Of("STAGES", Stages),
        KernelConstant.Of("QUERY_IN_SHARED", QueryInShared),
    ]);
}

/// <summary>On compute capability 9.0.</summary>
internal sealed record Sm90DecodeVariant : DecodeVariant
{
    public override GpuTargets Target => GpuTargets.Sm90;

    /// <summary>4.4 TB/s over 132 SMs are 33 bytes a nanosecond, for about 1.1 microseconds.</summary>
    public override int BytesInFlight => 36 << 10;
}

/// <summary>On compute capability 10.x.</summary>
internal sealed record Sm100DecodeVariant : DecodeVariant
{
    public override GpuTargets Target => GpuTargets.Sm100;

    /// <summary>8 TB/s over 148 SMs are 54 bytes a nanosecond, for about 1.2 microseconds.</summary>
    public override int BytesInFlight => 64 << 10;
}
