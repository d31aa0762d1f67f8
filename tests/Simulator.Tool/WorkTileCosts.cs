using SkipSoftmax.Conformance;

namespace SkipSoftmax.Simulation;

/// <summary>What each work tile of a launch costs in FLOP at given decisions, in the order of the kernel's <c>find_work_tile</c>.</summary>
internal static class WorkTileCosts
{
    /// <summary>Of a launch whose heads are worked on together (K and V of all of them fit the kernel's share of L2): the last query rows of each
    /// head first, all heads before the next rows.</summary>
    public static ulong[] Of(TiledPrefill kernel, AttentionCase attentionCase, TileDecision[] decisions) =>
        Interleave([.. OfEachHead(kernel, attentionCase, decisions)]);

    /// <summary>For each head of each sequence, the costs of its work tiles from the last rows to the first.</summary>
    public static IEnumerable<ulong[]> OfEachHead(TiledPrefill kernel, AttentionCase attentionCase, TileDecision[] decisions) =>
        kernel.WorkTiles(attentionCase)
            .GroupBy(tile => (tile.Sequence, tile.Head))
            .Select(head => head.Reverse().Select(tile =>
            {
                WorkCounts counts = kernel.CountWorkTile(attentionCase, decisions, tile.Sequence, tile.Head, tile.FirstRow);
                return counts.LogitFlops + counts.OutputFlops;
            }).ToArray());

    /// <summary>The first tile of every head, then the second of every head, and so on.</summary>
    public static ulong[] Interleave(IReadOnlyList<ulong[]> heads) =>
        [.. Enumerable.Range(0, heads[0].Length).SelectMany(tile => heads.Select(head => head[tile]))];
}
