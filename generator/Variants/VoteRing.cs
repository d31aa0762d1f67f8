namespace SkipSoftmax.Generator.Variants;

/// <summary>The ring of votes that both prefill kernels have, as <c>templates/skip_softmax/producers.cuh</c> makes it.</summary>
internal static class VoteRing
{
    /// <summary><c>VOTE_STAGES</c>: with fewer than three, a vote could be written again before the V warp is done with it.</summary>
    public static int Stages(int valueStages) => valueStages > 2 ? valueStages : 4;
}
