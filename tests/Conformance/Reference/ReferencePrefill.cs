namespace SkipSoftmax.Conformance;

/// <summary>Prefill of one query head of one sequence: query blocks that visit their key blocks in the declared order.</summary>
internal sealed class ReferencePrefill(
    AttentionCase attentionCase, ReferenceResult result, TileDecision[]? forced, (int Rows, int Keys)? denseTile, int productRows, int sequence, int head)
{
    private readonly ReferenceHead reference = new(attentionCase, result, sequence, head);

    public void Run()
    {
        int queryLength = attentionCase.QueryLengthOf(sequence);
        int block = attentionCase.Specification.QueryBlock;
        ulong visited = 0;
        ulong skipped = 0;
        List<(ReferenceRow[] Rows, List<int> KeptBlocks)> done = [];
        for (int queryBlock = 0; queryBlock * block < queryLength; queryBlock++)
        {
            ReferenceRow[] rows = reference.Rows(queryBlock * block, Math.Min(block, queryLength - (queryBlock * block)));
            bool anyKept = false;
            List<int> keptBlocks = [];
            foreach (int keyBlock in VisitingOrder(rows[^1].Row))
            {
                int tile = attentionCase.TileIndex(sequence, head, queryBlock, keyBlock);
                foreach (ReferenceRow row in rows)
                {
                    reference.ComputeLogits(row, keyBlock);
                }
                bool skip = anyKept && rows.All(Agrees);
                result.Decisions[tile] = skip ? TileDecision.Skipped : TileDecision.Kept;
                result.DecisionDistance[tile] = anyKept ? ReferenceHead.DecisionDistance(rows, skip, Agrees, Distance) : double.PositiveInfinity;
                visited++;
                if ((forced?[tile] ?? result.Decisions[tile]) == TileDecision.Skipped)
                {
                    skipped++;
                    continue;
                }
                anyKept = true;
                keptBlocks.Add(keyBlock);
                foreach (ReferenceRow row in rows)
                {
                    reference.Accumulate(row);
                }
            }
            done.Add((rows, keptBlocks));
        }
        int blocksOfAProduct = Math.Max(1, productRows / block);
        foreach ((ReferenceRow[] Rows, List<int> KeptBlocks)[] together in done.Chunk(blocksOfAProduct))
        {
            HashSet<int> multiplied = [.. together.SelectMany(each => each.KeptBlocks)];
            foreach ((ReferenceRow[] rows, List<int> keptBlocks) in together)
            {
                foreach (ReferenceRow row in rows)
                {
                    reference.Store(row, keptBlocks, multiplied, DenseKeys(row.Row));
                }
            }
        }
        result.Counters[(sequence * attentionCase.QueryHeads) + head] = new TileCounters(visited, skipped);
    }

    private bool Agrees(ReferenceRow row) => reference.AgreesToSkip(row, row.Maximum);

    private double Distance(ReferenceRow row) => reference.VoteDistance(row, row.Maximum, row.MaximumError);

    /// <summary>Keys that are multiplied together with some key the row's neighbours see, where no tile is decided on; otherwise 0.</summary>
    private int DenseKeys(int row)
    {
        if (attentionCase.Specification.Threshold != ThresholdMode.Off || denseTile is not (int rows, int keys))
        {
            return 0;
        }
        int lastRow = Math.Min((row / rows * rows) + rows, attentionCase.QueryLengthOf(sequence)) - 1;
        return AttentionCase.BlocksOf(reference.VisibleKeys(lastRow), keys) * keys;
    }

    /// <summary>The key blocks that some row of the block may attend to; the last row sees most.</summary>
    private IEnumerable<int> VisitingOrder(int lastRow)
    {
        int blocks = AttentionCase.BlocksOf(reference.VisibleKeys(lastRow), attentionCase.Specification.KeyBlock);
        IEnumerable<int> ascending = Enumerable.Range(0, blocks);
        return attentionCase.Specification.Order switch
        {
            TileOrder.Ascending => ascending,
            TileOrder.Descending => ascending.Reverse(),
            TileOrder.SinkFirst => ascending.Take(1).Concat(ascending.Skip(1).Reverse()),
            _ => throw new InvalidOperationException($"Order {attentionCase.Specification.Order} is not known."),
        };
    }
}
