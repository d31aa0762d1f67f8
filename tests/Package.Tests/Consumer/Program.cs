using SkipSoftmax;

namespace Consumer;

/// <summary>Runs both declarations on the CPU path, and compares them with attention as it is written in a textbook.</summary>
internal static class Program
{
    private const int QueryHeads = 4, KeyValueHeads = 2, HeadDim = 64, Keys = 200;

    private static int Main()
    {
        using AttentionContext context = new(new() { Policy = BackendPolicy.CpuOnly });
        Console.WriteLine($"backend {context.ChooseBackend<ModelAttention.PrefillDescriptor>().Backend}");
        Console.WriteLine($"kernel {ModelAttention.PrefillDescriptor.Kernels[0].Name}, {ModelAttention.PrefillDescriptor.GetKernelText(0).Length} bytes of CUDA");
        bool right = Prefill(context) & Decode(context);
        Console.WriteLine(right ? "right" : "wrong");
        return right ? 0 : 1;
    }

    private static bool Prefill(AttentionContext context)
    {
        TensorShape queries = new(1, Keys, QueryHeads, HeadDim), keys = queries with { Heads = KeyValueHeads };
        Half[] q = Values(queries, 1, static value => (Half)value), k = Values(keys, 2, static value => (Half)value), v = Values(keys, 3, static value => (Half)value);
        var o = new Half[q.Length];
        ModelAttention.Prefill(
            context,
            new AttentionInputs(TensorView.Host<Half>(q, queries), TensorView.Host<Half>(k, keys), TensorView.Host<Half>(v, keys)),
            new AttentionOutput(OutputView.Host<Half>(o, queries)),
            SkipThreshold.Fixed(0));
        return Compare("prefill", Array.ConvertAll(q, Single), Array.ConvertAll(k, Single), Array.ConvertAll(v, Single), Array.ConvertAll(o, Single), 1e-3);

        static float Single(Half value) => (float)value;
    }

    private static bool Decode(AttentionContext context)
    {
        TensorShape queries = new(1, 1, QueryHeads, HeadDim), keys = new(1, Keys, KeyValueHeads, HeadDim);
        float[] q = Values(queries, 4, static value => value), k = Values(keys, 5, static value => value), v = Values(keys, 6, static value => value);
        var o = new float[q.Length];
        ModelAttention.Decode(
            context,
            new AttentionInputs(TensorView.Host<float>(q, queries), TensorView.Host<float>(k, keys), TensorView.Host<float>(v, keys)),
            new AttentionOutput(OutputView.Host<float>(o, queries)));
        return Compare("decode", q, k, v, o, 1e-5);
    }

    private static T[] Values<T>(TensorShape shape, int seed, Func<float, T> convert)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, (int)(shape.Batch * shape.Length * shape.Heads * shape.HeadDim)).Select(_ => convert((random.NextSingle() * 2) - 1))];
    }

    /// <summary>Causal, aligned at the last key; ‖o − textbook‖ / ‖textbook‖ must be within the bound.</summary>
    private static bool Compare(string name, float[] q, float[] k, float[] v, float[] o, double bound)
    {
        int rows = q.Length / (QueryHeads * HeadDim);
        double error = 0, size = 0;
        for (int row = 0; row < rows; row++)
        {
            for (int head = 0; head < QueryHeads; head++)
            {
                int query = ((row * QueryHeads) + head) * HeadDim, seen = Keys - rows + row + 1, shared = head / (QueryHeads / KeyValueHeads);
                double[] weights = new double[seen];
                for (int key = 0; key < seen; key++)
                {
                    double dot = 0;
                    for (int i = 0; i < HeadDim; i++)
                    {
                        dot += (double)q[query + i] * k[(((key * KeyValueHeads) + shared) * HeadDim) + i];
                    }
                    weights[key] = Math.Exp(dot / Math.Sqrt(HeadDim));
                }
                double sum = weights.Sum();
                for (int i = 0; i < HeadDim; i++)
                {
                    double expected = 0;
                    for (int key = 0; key < seen; key++)
                    {
                        expected += weights[key] / sum * v[(((key * KeyValueHeads) + shared) * HeadDim) + i];
                    }
                    error += Math.Pow(o[query + i] - expected, 2);
                    size += expected * expected;
                }
            }
        }
        double relative = Math.Sqrt(error / size);
        Console.WriteLine($"{name}: error {relative:e1}, bound {bound:e1}");
        return relative <= bound;
    }
}
