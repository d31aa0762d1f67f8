namespace SkipSoftmax.Cpu;

/// <summary>The order in which the key tiles of a query block are visited.</summary>
internal static class TileSchedule
{
    /// <summary>Key tile of a visit, <c>0 ≤ visit &lt; tiles</c>.</summary>
    public static int TileAt(TileOrder order, int visit, int tiles) => order switch
    {
        TileOrder.Descending => tiles - 1 - visit,
        TileOrder.Ascending => visit,
        TileOrder.SinkFirst => visit == 0 ? 0 : tiles - visit,
        _ => throw new InvalidOperationException($"Tile order {order} is not known."),
    };
}
