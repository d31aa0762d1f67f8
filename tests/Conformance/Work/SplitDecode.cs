using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Conformance;

/// <summary>
/// The tiles that a decode kernel reads whose CTAs share out the tiles of all heads, (sequence, key/value head) pairs, as one list. A CTA
/// with tiles to be judged also scores the head's sink tile and newest tile, be they its own or not.
/// </summary>
/// <param name="Ctas">Of the launch.</param>
public sealed record SplitDecode(int Ctas)
{
    private const int ElementBytes = 2;

    /// <summary>Of a whole launch, by these decisions.</summary>
    public DecodeWork Count(AttentionCase attentionCase, TileDecision[] decisions)
    {
        DecodeWork work = default;
        int heads = attentionCase.DecisionHeads;
        int[] tiles = [.. Enumerable.Range(0, attentionCase.Batch).Select(sequence => TilesOf(attentionCase, sequence))];
        foreach ((int begin, int end) in Shares(attentionCase))
        {
            int start = 0;
            for (int sequence = 0; sequence < attentionCase.Batch; sequence++)
            {
                for (int head = 0; head < heads; head++, start += tiles[sequence])
                {
                    int first = Math.Max(begin - start, 0), last = Math.Min(end - start, tiles[sequence]);
                    if (first < last && attentionCase.KeyLengthOf(sequence) > 0 && attentionCase.QueryLengthOf(sequence) > 0)
                    {
                        work += CountSegment(attentionCase, decisions, sequence, head, tiles[sequence], first, last);
                    }
                }
            }
        }
        return work;
    }

    /// <summary>
    /// The CTAs' shares of the list, each from a tile to another. Where lengths are given, they are equal. Where all heads have one length, each head is
    /// cut into pieces, as few as fill at least 95 % of the CTAs with the same number of them, or else as many as fill most.
    /// </summary>
    public IEnumerable<(int Begin, int End)> Shares(AttentionCase attentionCase)
    {
        int[] tiles = [.. Enumerable.Range(0, attentionCase.Batch).Select(sequence => TilesOf(attentionCase, sequence))];
        if (attentionCase.GivesKeyLengths)
        {
            return Cut(0, tiles.Sum() * attentionCase.DecisionHeads, Math.Min(tiles.Sum() * attentionCase.DecisionHeads, Ctas));
        }
        int heads = attentionCase.Batch * attentionCase.DecisionHeads, least = AttentionCase.BlocksOf(heads, Ctas);
        (int Share, int Pieces)[] candidates = [.. Enumerable.Range(least, 21).Select(share => (share, Math.Min(tiles[0], share * Ctas / heads)))];
        double Filled((int Share, int Pieces) cut) => heads * cut.Pieces / (double)(cut.Share * Ctas);
        (int share, int pieces) = candidates.Where(cut => Filled(cut) >= 0.95).Append(candidates.MaxBy(Filled)).First();
        return Enumerable.Range(0, heads).SelectMany(head => Cut(head * tiles[0], tiles[0], pieces)).Chunk(share).Select(chunk => (chunk[0].Begin, chunk[^1].End));
    }

    /// <summary>Equal pieces, but that the first ones have the tiles that are over.</summary>
    private static IEnumerable<(int Begin, int End)> Cut(int start, int tiles, int pieces)
    {
        for (int piece = 0, begin = start; piece < pieces; piece++)
        {
            int end = begin + (tiles / pieces) + (piece < tiles % pieces ? 1 : 0);
            yield return (begin, end);
            begin = end;
        }
    }

    /// <summary>An empty sequence counts as one tile that nobody reads.</summary>
    private static int TilesOf(AttentionCase attentionCase, int sequence) =>
        Math.Max(AttentionCase.BlocksOf(attentionCase.KeyLengthOf(sequence), attentionCase.Specification.KeyBlock), 1);

    private static DecodeWork CountSegment(AttentionCase attentionCase, TileDecision[] decisions, int sequence, int head, int tiles, int first, int last)
    {
        bool judges = attentionCase.Specification.Threshold != ThresholdMode.Off && Math.Max(first, 1) < Math.Min(last, tiles - 1);
        DecodeWork work = default;
        for (int tile = 0; tile < tiles; tile++)
        {
            bool own = first <= tile && tile < last;
            ulong bytes = TileBytes(attentionCase, sequence, tile);
            if (own || (judges && (tile == 0 || tile == tiles - 1)))
            {
                work += new DecodeWork(1, 0, bytes, 0);
            }
            if (own && decisions[attentionCase.TileIndex(sequence, head, 0, tile)] == TileDecision.Kept)
            {
                work += new DecodeWork(0, 1, 0, bytes);
            }
        }
        return work;
    }

    /// <summary>Contiguous tensors are read up to their end, wherever the sequence ends; pages whole, as far as the sequence reaches.</summary>
    private static ulong TileBytes(AttentionCase attentionCase, int sequence, int tile)
    {
        int keyBlock = attentionCase.Specification.KeyBlock;
        int box = Math.Min(keyBlock, attentionCase.Specification.PageSize);
        int tokens = attentionCase.Paging is null
            ? Math.Min(keyBlock, attentionCase.Key.Shape.Length - (tile * keyBlock))
            : Math.Min(AttentionCase.BlocksOf(attentionCase.KeyLengthOf(sequence) - (tile * keyBlock), box) * box, keyBlock);
        return (ulong)(tokens * attentionCase.HeadDim * ElementBytes);
    }
}

/// <summary>What a decode launch reads and multiplies.</summary>
/// <param name="ScoredTiles">Tiles whose logits are taken.</param>
/// <param name="KeptTiles">Tiles whose V is read and weighted.</param>
/// <param name="KeyBytes">Bytes read of K.</param>
/// <param name="ValueBytes">Bytes read of V.</param>
public readonly record struct DecodeWork(ulong ScoredTiles, ulong KeptTiles, ulong KeyBytes, ulong ValueBytes)
{
    /// <summary>Both in one.</summary>
    public static DecodeWork operator +(DecodeWork one, DecodeWork other) => new(
        one.ScoredTiles + other.ScoredTiles, one.KeptTiles + other.KeptTiles, one.KeyBytes + other.KeyBytes, one.ValueBytes + other.ValueBytes);
}
