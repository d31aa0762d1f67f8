namespace SkipSoftmax.Conformance;

/// <summary>
/// Decode of one key/value head of one sequence (docs/decode.md): all rows of all query heads that share it decide together, each against
/// its largest logit over the sink tile and the newest tile, which are kept themselves.
/// </summary>
internal sealed class ReferenceDecode(AttentionCase attentionCase, ReferenceResult result, TileDecision[]? forced, int sequence, int keyValueHead)
{
    public void Run()
    {
        int queryLength = attentionCase.QueryLengthOf(sequence);
        ReferenceHead[] heads = [.. Enumerable.Range(keyValueHead * attentionCase.GroupSize, attentionCase.GroupSize)
            .Select(head => new ReferenceHead(attentionCase, result, sequence, head))];
        ReferenceRow[] rows = [.. heads.SelectMany(head => head.Rows(0, queryLength))];
        int blocks = queryLength == 0 ? 0 : AttentionCase.BlocksOf(heads[0].VisibleKeys(queryLength - 1), attentionCase.Specification.KeyBlock);
        bool IsSeed(int block) => block == 0 || block == blocks - 1;
        foreach (int seed in Enumerable.Range(0, blocks).Where(IsSeed))
        {
            ComputeLogits(rows, seed);
            foreach (ReferenceRow row in rows)
            {
                row.Seed = Math.Max(row.Seed, row.TileMaximum); // propagates NaN
                row.SeedError = Math.Max(row.SeedError, row.TileError);
            }
        }

        ulong skipped = 0;
        List<int> keptBlocks = [];
        for (int block = 0; block < blocks; block++)
        {
            int tile = attentionCase.TileIndex(sequence, keyValueHead, 0, block);
            ComputeLogits(rows, block);
            bool skip = !IsSeed(block) && rows.All(Agrees);
            result.Decisions[tile] = skip ? TileDecision.Skipped : TileDecision.Kept;
            result.DecisionDistance[tile] = IsSeed(block) ? double.PositiveInfinity : ReferenceHead.DecisionDistance(rows, skip, Agrees, Distance);
            if ((forced?[tile] ?? result.Decisions[tile]) == TileDecision.Skipped)
            {
                skipped++;
                continue;
            }
            keptBlocks.Add(block);
            foreach (ReferenceRow row in rows)
            {
                row.Head.Accumulate(row);
            }
        }
        foreach (ReferenceRow row in rows)
        {
            row.Head.Store(row, keptBlocks, keptBlocks.ToHashSet());
        }
        result.Counters[(sequence * attentionCase.DecisionHeads) + keyValueHead] = new TileCounters((ulong)blocks, skipped);
    }

    private static void ComputeLogits(ReferenceRow[] rows, int block)
    {
        foreach (ReferenceRow row in rows)
        {
            row.Head.ComputeLogits(row, block);
        }
    }

    private static bool Agrees(ReferenceRow row) => row.Head.AgreesToSkip(row, row.Seed);

    private static double Distance(ReferenceRow row) => row.Head.VoteDistance(row, row.Seed, row.SeedError);
}
