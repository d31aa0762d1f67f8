namespace SkipSoftmax.Conformance;

/// <summary>One query row: its online softmax over the tiles kept so far, and its logits on the tile that is looked at.</summary>
internal sealed class ReferenceRow(ReferenceHead head, int row, int dims)
{
    public ReferenceHead Head => head;

    public int Row => row;

    public double Maximum { get; set; } = double.NegativeInfinity;

    public double MaximumError { get; set; }

    /// <summary>What tiles are judged against in decode: the largest logit over the sink tile and the newest tile.</summary>
    public double Seed { get; set; } = double.NegativeInfinity;

    public double SeedError { get; set; }

    public double Denominator { get; set; }

    public double[] Numerator { get; } = new double[dims];

    public int FirstKey { get; set; }

    public double[] Logits { get; set; } = [];

    public double TileMaximum { get; set; }

    public double TileError { get; set; }
}
