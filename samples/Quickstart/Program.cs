// Attention of three layers of a real model on real text: what skipping saves, what it costs, and which tiles it skips.
using System.Diagnostics;
using SkipSoftmax;
using SkipSoftmax.Pictures;
using SkipSoftmax.Samples;

const float picturedLambda = 0.02f;
const int rounds = 7;
TimeSpan warmUp = TimeSpan.FromSeconds(2);
float[] lambdas = [0.001f, 0.005f, 0.01f, picturedLambda, 0.05f, 0.1f];

using AttentionContext context = new();
BackendChoice backend = context.Prepare<LayerAttention.SkippingDescriptor>();
context.Prepare<LayerAttention.DenseDescriptor>();
Console.WriteLine($"Backend: {backend.Backend}{(backend.Variant is null ? "" : $", {backend.Variant}")}. {backend.Reason}");
Console.WriteLine();

LayerRun[] layers = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "data"), "*.safetensors").Order()
    .Select(path => new LayerRun(context, AttentionTensors.Read(path)))];
int heads = layers[0].Tensors.QueryShape.Heads;
TilePicture picture = new(layers.Length, heads, layers[0].QueryBlocks, layers[0].KeyBlocks);
for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < warmUp;) // until the JIT has settled
{
    layers[0].RunDense();
    layers[0].RunSkipping(picturedLambda);
}
for (int layer = 0; layer < layers.Length; layer++)
{
    Sweep(layers[layer]);
    layers[layer].RunSkipping(picturedLambda);
    int tiles = layers[layer].QueryBlocks * layers[layer].KeyBlocks;
    for (int head = 0; head < heads; head++)
    {
        picture.Draw(layer, head, layers[layer].Decisions.Slice(head * tiles, tiles));
    }
}
string file = Path.Combine(OutputFolder(), "tiles.png");
picture.Save(file);
Console.WriteLine($"""
    Sparsity: skipped / visited tiles of 64 queries × 64 keys. Error: ‖skipping − dense‖ / ‖dense‖. Time: best of {rounds} runs, in rounds that run dense and every λ in turn.

    Picture of λ = {picturedLambda}: {file}
    One panel a head (left to right), one row of panels a layer ({string.Join(", ", layers.Select(layer => layer.Tensors.Name))}).
    In a panel, query tiles run down and key tiles to the right: blue is kept, orange is skipped, grey lies outside the causal mask.
    """);

void Sweep(LayerRun layer)
{
    TensorShape shape = layer.Tensors.QueryShape;
    Console.WriteLine($"{layer.Tensors.Name}: {shape.Length:n0} tokens, {shape.Heads} query heads on one key/value head, head_dim {shape.HeadDim}, causal, float16");
    TimeSpan[] denseTimes = new TimeSpan[rounds];
    TimeSpan[][] times = [.. lambdas.Select(_ => new TimeSpan[rounds])];
    for (int round = 0; round < rounds; round++)
    {
        denseTimes[round] = layer.RunDense();
        for (int index = 0; index < lambdas.Length; index++)
        {
            times[index][round] = layer.RunSkipping(lambdas[index]);
        }
    }
    double dense = Best(denseTimes);
    Console.WriteLine($"       λ   sparsity  ({string.Join("  ", Enumerable.Range(0, shape.Heads).Select(head => $"head {head}"))})    error       time   speed-up");
    Console.WriteLine($"   dense                {new string(' ', 8 * shape.Heads)}           {dense,7:f1} ms");
    for (int index = 0; index < lambdas.Length; index++)
    {
        layer.RunSkipping(lambdas[index]);
        string byHead = string.Join("  ", layer.Counters.ToArray().Select(counters => $"{counters.Sparsity,6:p1}"));
        double time = Best(times[index]);
        Console.WriteLine($"  {lambdas[index],6}     {layer.Sparsity,6:p1}  ({byHead})   {layer.Error,6:f4}  {time,7:f1} ms     {dense / time:f2}×");
    }
    Console.WriteLine();
}

static double Best(TimeSpan[] times) => times.Min().TotalMilliseconds;

// samples/Quickstart/output when run from a build of this project, ./output otherwise.
static string OutputFolder()
{
    DirectoryInfo? project = new(AppContext.BaseDirectory);
    while (project is not null && !File.Exists(Path.Combine(project.FullName, "Quickstart.csproj")))
    {
        project = project.Parent;
    }
    return Directory.CreateDirectory(Path.Combine(project?.FullName ?? Environment.CurrentDirectory, "output")).FullName;
}
