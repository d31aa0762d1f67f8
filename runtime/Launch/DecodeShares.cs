namespace SkipSoftmax.Launch;

/// <summary>
/// How decode's heads are shared out where all sequences have the same length (<c>Partition</c> of <c>segments.cuh</c>): each is cut into equal pieces, and
/// a CTA works at some pieces in a row. Shares that end where heads end leave less to be combined, and memory is as busy with a few CTAs less than there are
/// multiprocessors. Lengths in device memory are seen by the kernel alone, which then shares out the list of all tiles evenly.
/// </summary>
/// <param name="Ctas">CTAs that have work.</param>
/// <param name="HeadPieces">Pieces of a head.</param>
/// <param name="CtaPieces">Pieces of a CTA.</param>
internal readonly record struct DecodeShares(int Ctas, int HeadPieces, int CtaPieces)
{
    /// <summary>Share of the CTAs' room for pieces that must be filled: what is left idle by a coarser cut costs more than the finer one's parts.</summary>
    private const double LeastFilled = 0.95;

    /// <summary>Pieces of a CTA, beside the least possible, that are tried: with 20 every number of heads fills 95 %, unless heads are too short to be cut.</summary>
    private const int Tried = 20;

    /// <summary>The coarsest cut that leaves hardly a CTA idle.</summary>
    /// <param name="heads">(Sequence, key/value head) pairs.</param>
    /// <param name="tiles">Tiles of each.</param>
    /// <param name="most">CTAs of the launch at most.</param>
    public static DecodeShares Of(long heads, int tiles, int most)
    {
        (long Pieces, long Share, double Filled) best = default;
        long least = (heads + most - 1) / most;
        for (long share = least; share <= least + Tried && best.Filled < LeastFilled; share++)
        {
            long pieces = Math.Min(tiles, share * most / heads);
            double filled = (double)(heads * pieces) / (share * most);
            if (filled > best.Filled)
            {
                best = (pieces, share, filled);
            }
        }
        return new((int)(((heads * best.Pieces) + best.Share - 1) / best.Share), (int)best.Pieces, (int)best.Share);
    }
}
