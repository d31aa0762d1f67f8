// A token loop on three layers of a real model: the prompt at once, then token by token into a paged cache, skipping and dense side by side.
using System.Numerics.Tensors;
using SkipSoftmax;
using SkipSoftmax.Samples;

const int generated = 256;
float[] lambdas = [0.001f, 0.01f, 0.02f, 0.05f];

using AttentionContext context = new();
BackendChoice backend = context.Prepare<TokenAttention.SkippingDescriptor>();
Console.WriteLine($"Backend: {backend.Backend}. {backend.Reason}");
Console.WriteLine($"Pages of {TokenAttention.PageSize} tokens; a tile is 64 keys, decided on by all query heads of a key/value head together; {generated} tokens after the prompt.");
foreach (string path in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "data"), "*.safetensors").Order())
{
    AttentionTensors tensors = AttentionTensors.Read(path);
    int prompt = tensors.QueryShape.Length - generated;
    RunPrompt(tensors, prompt);
    Console.WriteLine();
    Console.WriteLine($"{tensors.Name}: {tensors.QueryShape.Heads} query heads on {tensors.KeyShape.Heads} key/value head, head_dim {tensors.QueryShape.HeadDim}, float16");
    Console.WriteLine("       λ   sparsity   V bytes read / dense        error");
    foreach (float lambda in lambdas)
    {
        Console.WriteLine(Generate(tensors, prompt, lambda));
    }
}
Console.WriteLine();
Console.WriteLine("Sparsity: skipped / visited tiles. Error: ‖skipping − dense‖ / ‖dense‖ over all tokens.");

string Generate(AttentionTensors tensors, int prompt, float lambda)
{
    (int queryRow, int keyRow) = (tensors.QueryShape.Heads * tensors.QueryShape.HeadDim, tensors.KeyShape.Heads * tensors.KeyShape.HeadDim);
    PagedCache cache = new(tensors.KeyShape.Length, TokenAttention.PageSize, tensors.KeyShape.Heads, tensors.KeyShape.HeadDim);
    TensorShape queryShape = tensors.QueryShape with { Length = 1 };
    Half[] skipping = new Half[queryRow], dense = new Half[queryRow];
    TileCounters[] counters = new TileCounters[tensors.KeyShape.Heads];
    double skipped = 0, visited = 0, read = 0, all = 0, difference = 0, norm = 0;
    for (int token = 0; token < tensors.QueryShape.Length; token++)
    {
        cache.Append(tensors.Key.AsSpan(token * keyRow, keyRow), tensors.Value.AsSpan(token * keyRow, keyRow));
        if (token < prompt)
        {
            continue;
        }
        ReadOnlySpan<Half> query = tensors.Query.AsSpan(token * queryRow, queryRow);
        AttentionInputs inputs = cache.Inputs(query, queryShape);
        TokenAttention.Skipping(context, inputs, new AttentionOutput(OutputView.Host<Half>(skipping, queryShape)) { Counters = counters }, SkipThreshold.Fixed(lambda));
        TokenAttention.Dense(context, inputs, new AttentionOutput(OutputView.Host<Half>(dense, queryShape)));
        skipped += counters.Sum(head => (double)head.Skipped);
        visited += counters.Sum(head => (double)head.Visited);
        read += cache.ValueBytes * (1 - counters.Average(head => head.Sparsity));
        all += cache.ValueBytes;
        (double stepDifference, double stepNorm) = Compare(skipping, dense);
        difference += stepDifference;
        norm += stepNorm;
    }
    return $"  {lambda,6}     {skipped / visited,6:p1}   {read / 1e6,7:f1} / {all / 1e6:f1} MB ({1 - (read / all):p1} saved)   {Math.Sqrt(difference / norm):f4}";
}

// The prompt's own outputs would feed the next layer; here they only show the two phases beside each other.
void RunPrompt(AttentionTensors tensors, int length)
{
    TensorShape queries = tensors.QueryShape with { Length = length }, keys = tensors.KeyShape with { Length = length };
    Half[] output = new Half[queries.Length * queries.Heads * queries.HeadDim];
    AttentionInputs inputs = new(TensorView.Host<Half>(tensors.Query, queries), TensorView.Host<Half>(tensors.Key, keys), TensorView.Host<Half>(tensors.Value, keys))
    {
        Scale = AttentionTensors.Scale,
    };
    TokenAttention.Prompt(context, inputs, new AttentionOutput(OutputView.Host<Half>(output, queries)));
}

static (double Difference, double Norm) Compare(Half[] skipping, Half[] dense)
{
    float[] left = new float[skipping.Length], right = new float[dense.Length];
    TensorPrimitives.ConvertToSingle(skipping, left);
    TensorPrimitives.ConvertToSingle(dense, right);
    double distance = TensorPrimitives.Distance<float>(left, right);
    return (distance * distance, TensorPrimitives.SumOfSquares<float>(right));
}
