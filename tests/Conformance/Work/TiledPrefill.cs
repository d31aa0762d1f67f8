using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>
/// The work of a prefill kernel whose CTAs take work tiles of some query rows of one head and walk along product tiles of some keys, with several
/// decisions in each.
/// </summary>
/// <param name="QueryTile">Query rows of a work tile.</param>
/// <param name="KeyTile">Keys of a product tile.</param>
/// <param name="ProductRows">Query rows of one P·V, and of the warpgroup that takes their softmax.</param>
/// <param name="FactorsOfARow">Exponentials of a step beside the weights', for each row: the factor exp(m − m′) of what there is so far.</param>
/// <param name="VotersOfAProduct">Who publishes a vote, of those who share a product: each of its four warps, or one for all, where they meet at a barrier.</param>
public sealed record TiledPrefill(int QueryTile, int KeyTile, int ProductRows, int FactorsOfARow, int VotersOfAProduct)
{
    private const int WarpsOfAWarpgroup = 4;
    private const string StepsInPlace = "_in_place";
    private const int ElementBytes = 2;

    /// <summary>Of an emitted kernel. SM90's keeps its references unless a logit exceeds its row's by far, which no counted case has, and then takes
    /// powers of two.</summary>
    public static TiledPrefill Of(GpuKernel kernel) => new(kernel.QueryTile, kernel.KeyTile, kernel.QueryBox,
        FactorsOfARow: kernel.Target == GpuTargets.Sm90 ? 0 : 1,
        VotersOfAProduct: kernel.Name.Contains(StepsInPlace, StringComparison.Ordinal) ? 1 : WarpsOfAWarpgroup);

    /// <summary>Of a whole launch.</summary>
    public WorkCounts Count(AttentionCase attentionCase, TileDecision[] decisions)
    {
        WorkCounts counts = default;
        foreach ((int sequence, int head, int firstRow) in WorkTiles(attentionCase))
        {
            counts += CountWorkTile(attentionCase, decisions, sequence, head, firstRow);
        }
        return counts;
    }

    /// <summary>The work tiles of a launch: sequence, query head and first row.</summary>
    public IEnumerable<(int Sequence, int Head, int FirstRow)> WorkTiles(AttentionCase attentionCase) =>
        from sequence in Enumerable.Range(0, attentionCase.Batch)
        from head in Enumerable.Range(0, attentionCase.QueryHeads)
        from tile in Enumerable.Range(0, AttentionCase.BlocksOf(attentionCase.Query.Shape.Length, QueryTile))
        select (sequence, head, tile * QueryTile);

    /// <summary>Of one work tile.</summary>
    public WorkCounts CountWorkTile(AttentionCase attentionCase, TileDecision[] decisions, int sequence, int head, int firstRow)
    {
        TileDecision[][] groups = [.. ReadDecisions(attentionCase, decisions, sequence, head, firstRow)];
        // Q is read whole, up to the tensor's end, also where the sequence ends before.
        WorkCounts counts = new() { QueryBytes = RowBytes(attentionCase, firstRow, QueryTile, attentionCase.Query.Shape.Length) };
        foreach ((int tile, int[] blocks) in Passes(attentionCase, groups))
        {
            counts += CountPass(attentionCase, groups, tile, blocks);
        }
        return counts;
    }

    /// <summary>Of one step over a product tile, at which some of its blocks are due.</summary>
    private WorkCounts CountPass(AttentionCase attentionCase, TileDecision[][] groups, int tile, int[] blocks)
    {
        int queryBlock = attentionCase.Specification.QueryBlock;
        int keyBlock = attentionCase.Specification.KeyBlock;
        int headDim = attentionCase.HeadDim;
        int keys = attentionCase.Key.Shape.Length;
        WorkCounts counts = new()
        {
            // All warpgroups walk together: a product is made for each of them where any has a decision to take.
            KeyBytes = RowBytes(attentionCase, tile * KeyTile, KeyTile, keys),
            LogitFlops = Products(QueryTile, KeyTile, headDim),
        };
        if (attentionCase.Specification.Threshold == ThresholdMode.Off)
        {
            // No decisions, no votes: each step takes the whole product tile, blocks that are masked or not due with weights of zero.
            return counts + new WorkCounts
            {
                ValueBytes = RowBytes(attentionCase, tile * KeyTile, KeyTile, keys),
                OutputFlops = Products(QueryTile, KeyTile, headDim),
                Exponentials = (ulong)(QueryTile * (KeyTile + FactorsOfARow)),
            };
        }
        // Every voter says once a step what it objects to; one vote serves all of the step's decisions.
        counts += new WorkCounts { Votes = (ulong)(QueryTile / ProductRows * VotersOfAProduct) };
        foreach (int block in blocks.Where(block => groups.Any(group => group[block] == TileDecision.Kept)))
        {
            counts += new WorkCounts { ValueBytes = RowBytes(attentionCase, block * keyBlock, keyBlock, keys) };
        }
        foreach (TileDecision[] group in groups)
        {
            int kept = blocks.Count(block => group[block] == TileDecision.Kept);
            counts += new WorkCounts
            {
                Exponentials = (ulong)(queryBlock * ((kept * keyBlock) + (kept == 0 ? 0 : FactorsOfARow))),
            };
        }
        // Rows of one product that do not agree are multiplied all the same, some with weights of zero.
        int rows = Math.Max(queryBlock, ProductRows);
        foreach (TileDecision[][] together in groups.Chunk(rows / queryBlock))
        {
            int kept = blocks.Count(block => together.Any(group => group[block] == TileDecision.Kept));
            counts += new WorkCounts { OutputFlops = Products(rows, kept * keyBlock, headDim) };
        }
        return counts;
    }

    /// <summary>The steps of a work tile: product tile and the blocks due. A product tile is visited if some decision on it was. Sink first takes
    /// block 0 by itself and the rest of its product tile last, so that tile is gone through twice if there is such a rest.</summary>
    private IEnumerable<(int Tile, int[] Blocks)> Passes(AttentionCase attentionCase, TileDecision[][] groups)
    {
        int blocksOfATile = KeyTile / attentionCase.Specification.KeyBlock;
        int[] visited = [.. Enumerable.Range(0, attentionCase.KeyBlocks).Where(block => groups.Any(group => group[block] != TileDecision.NotVisited))];
        foreach (IGrouping<int, int> tile in visited.GroupBy(block => block / blocksOfATile))
        {
            if (attentionCase.Specification.Order != TileOrder.SinkFirst || tile.Key != 0 || blocksOfATile == 1)
            {
                yield return (tile.Key, [.. tile]);
                continue;
            }
            yield return (0, [0]);
            if (visited.Length > 1)
            {
                yield return (0, [.. tile.Skip(1)]);
            }
        }
    }

    /// <summary>The decisions on each key block of each query block of a work tile that lies in the tensor.</summary>
    private IEnumerable<TileDecision[]> ReadDecisions(AttentionCase attentionCase, TileDecision[] decisions, int sequence, int head, int firstRow)
    {
        int first = firstRow / attentionCase.Specification.QueryBlock;
        int end = Math.Min(first + (QueryTile / attentionCase.Specification.QueryBlock), attentionCase.QueryBlocks);
        for (int queryBlock = first; queryBlock < end; queryBlock++)
        {
            yield return decisions.AsSpan(attentionCase.TileIndex(sequence, head, queryBlock, 0), attentionCase.KeyBlocks).ToArray();
        }
    }

    private static ulong RowBytes(AttentionCase attentionCase, int first, int rows, int end) =>
        (ulong)(Math.Clamp(end - first, 0, rows) * attentionCase.HeadDim * ElementBytes);

    private static ulong Products(int rows, int columns, int depth) => 2UL * (ulong)rows * (ulong)columns * (ulong)depth;
}
