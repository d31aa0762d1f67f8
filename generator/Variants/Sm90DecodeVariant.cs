using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>
/// Decode on compute capability 9.0: teams of warps stream K, and V where it is kept, through rings of their own; each warp multiplies 16 query
/// rows. One variant for each number of rows that share a key/value head.
/// </summary>
internal sealed record Sm90DecodeVariant : KernelVariant
{
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

    public override GpuTargets Target => GpuTargets.Sm90;

    public override string EntryPoint => "skip_softmax_decode";

    public override string Template => "templates/kernels/sm90_decode.cu";

    public override string ConstantsTemplate => "templates/constants/sm90_decode.cuh";

    public override int QueryTile => Rows;

    public override int QueryBox => 0;

    /// <summary>A box must not leave its page.</summary>
    public override int KeyTile => Request.KvLayout == KvLayout.Paged ? Math.Min(Request.PageSize, Request.KeyBlock) : Request.KeyBlock;

    public override int ValueBox => KeyTile;

    public override int Threads => HardwareLimits.ThreadsPerWarp * Warps;

    public override int SharedMemoryBytes => Sm90DecodeBudgets.SharedMemoryBytes(this);

    public override int EntryRegisters => Sm90DecodeBudgets.RegisterLimit(this);

    public override string Name => string.Concat(
        $"sm90_decode_{VariantNames.Of(Request.Element)}_d{Request.HeadDim}_k{Request.KeyBlock}_",
        Request.KvLayout == KvLayout.Paged ? $"page{Request.PageSize}" : "contiguous",
        $"_{VariantNames.Of(Request.Mask)}_{VariantNames.Of(Request.Threshold)}_r{Rows}_t{Teams}_s{Stages}",
        Request.CountTiles ? "_count" : "",
        Request.RecordDecisions ? "_decisions" : "",
        Request.ReturnLse ? "_lse" : "");

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
