namespace SkipSoftmax.Conformance;

/// <summary>Logits that depend on when their tile is visited.</summary>
public static class RisingLogits
{
    private const float QueryElement = 4;

    /// <summary>Logits that rise from each visited tile to the next by so much that everything before stops to count; every third tile is cold.</summary>
    /// <param name="attentionCase">Whose tensors to change: the first element of every vector of Q and K.</param>
    /// <param name="rise">In natural-log units.</param>
    public static void Put(AttentionCase attentionCase, float rise) => Put(attentionCase, visit => visit % 3 == 2 ? -rise : rise * visit);

    /// <summary>Adds to the logits of each tile.</summary>
    /// <param name="attentionCase">Whose tensors to change: the first element of every vector of Q and K.</param>
    /// <param name="logitOfVisit">What to add, in natural-log units, to the tile that is visited first, second and so on.</param>
    public static void Put(AttentionCase attentionCase, Func<int, float> logitOfVisit)
    {
        Fill(attentionCase.Query, attentionCase.QueryLengthOf, _ => QueryElement);
        int block = attentionCase.Specification.KeyBlock;
        bool ascending = attentionCase.Specification.Order == TileOrder.Ascending;
        Fill(attentionCase.Key, attentionCase.KeyLengthOf, token =>
        {
            int visit = ascending ? token / block : (attentionCase.Key.Shape.Length - 1 - token) / block;
            return logitOfVisit(visit) / (QueryElement * attentionCase.Scale);
        });
    }

    private static void Fill(HostTensor tensor, Func<int, int> lengthOf, Func<int, float> element)
    {
        for (int sequence = 0; sequence < tensor.Shape.Batch; sequence++)
        {
            for (int token = 0; token < lengthOf(sequence); token++)
            {
                for (int head = 0; head < tensor.Shape.Heads; head++)
                {
                    tensor[sequence, token, head, 0] = element(token);
                }
            }
        }
    }
}
