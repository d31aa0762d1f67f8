using System.Collections.Concurrent;
using System.Numerics.Tensors;
using Xunit.Abstractions;

namespace SkipSoftmax.Conformance;

/// <summary>Sparsity and error on real tensors, against figures that independent code made from them.</summary>
public abstract class PublishedTableSuite<TBackend>(ITestOutputHelper output) : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    private const double SparsityTolerance = 0.001;
    private const double ErrorTolerance = 0.03;

    /// <summary>file, keys of a decision, λ, then sparsity and error for ascending, descending and sink first; decisions of 64 rows.</summary>
    private static readonly (string File, int KeyBlock, float Lambda, (double Sparsity, double Error)[] ByOrder)[] Published =
    [
        ("tech-layer14-kv0-8k", 64, 0.01f, [(0.6609, 0.01318), (0.5153, 0.00220), (0.6988, 0.01565)]),
        ("tech-layer14-kv0-8k", 64, 0.05f, [(0.7658, 0.03331), (0.6770, 0.01037), (0.8076, 0.03865)]),
        ("tech-layer14-kv0-8k", 128, 0.01f, [(0.5905, 0.01080), (0.4399, 0.00148), (0.6285, 0.01284)]),
        ("tech-layer14-kv0-8k", 128, 0.05f, [(0.7011, 0.02791), (0.5990, 0.00775), (0.7459, 0.03217)]),
        ("tech-layer22-kv0-4k", 64, 0.01f, [(0.4772, 0.01054), (0.2777, 0.00458), (0.5829, 0.01305)]),
        ("tech-layer22-kv0-4k", 64, 0.05f, [(0.7256, 0.03838), (0.5167, 0.01515), (0.7894, 0.04354)]),
        ("tech-layer22-kv0-4k", 128, 0.01f, [(0.3513, 0.00773), (0.1875, 0.00338), (0.4659, 0.00979)]),
        ("tech-layer22-kv0-4k", 128, 0.05f, [(0.6215, 0.02982), (0.3996, 0.01237), (0.7011, 0.03461)]),
        ("code-layer05-kv1-4k", 64, 0.01f, [(0.0811, 0.00182), (0.1514, 0.00352), (0.1721, 0.00447)]),
        ("code-layer05-kv1-4k", 64, 0.05f, [(0.2420, 0.01102), (0.3329, 0.01568), (0.3740, 0.01989)]),
        ("code-layer05-kv1-4k", 128, 0.01f, [(0.0186, 0.00052), (0.0565, 0.00196), (0.0644, 0.00210)]),
        ("code-layer05-kv1-4k", 128, 0.05f, [(0.0868, 0.00536), (0.1588, 0.00883), (0.1831, 0.01122)]),
    ];

    private static readonly TileOrder[] PublishedOrders = [TileOrder.Ascending, TileOrder.Descending, TileOrder.SinkFirst];

    public static IEnumerable<object[]> PublishedRows => Published.Select(row => new object[] { row.File, row.KeyBlock, row.Lambda });

    private static readonly ConcurrentDictionary<string, double[]> DenseOutputs = new();

    [SkippableTheory]
    [MemberData(nameof(PublishedRows))]
    public void Published_sparsity_and_error_are_reproduced(string file, int keyBlock, float lambda)
    {
        Skip.If(file.EndsWith("8k", StringComparison.Ordinal) && !Capabilities.LongPublishedRows, $"8,192 tokens take half a minute and more on the {Backend.Name}.");
        AttentionCase dense = RealTensorCases.Load(file, keyBlock, ThresholdMode.Off, TileOrder.Ascending, Capabilities.Finest);
        double[] exact = DenseOutputs.GetOrAdd(file, _ => ReadOutput(Run(dense)));
        (double, double)[] byOrder = Published.Single(row => (row.File, row.KeyBlock, row.Lambda) == (file, keyBlock, lambda)).ByOrder;
        foreach ((TileOrder order, (double sparsity, double error)) in PublishedOrders.Zip(byOrder))
        {
            BackendResult result = Run(dense with { Specification = dense.Specification with { Threshold = ThresholdMode.Fixed, Order = order }, ThresholdValue = lambda });
            double gotSparsity = result.Counters.Sum(counters => (double)counters.Skipped) / result.Counters.Sum(counters => (double)counters.Visited);
            double[] skipping = ReadOutput(result);
            double gotError = TensorPrimitives.Distance<double>(skipping, exact) / TensorPrimitives.Norm<double>(exact);
            output.WriteLine($"{file} 64×{keyBlock} λ = {lambda} {order}: {gotSparsity:f4} / {gotError:f5}, published {sparsity:f4} / {error:f5}");
            Assert.Equal(sparsity, gotSparsity, SparsityTolerance);
            Assert.Equal(error, gotError, (ErrorTolerance * error) + OutputRounding);
        }
    }

    /// <summary>The published errors are of unrounded outputs: float32's rounding is far below their last digit, float16's is not.</summary>
    private double OutputRounding => Capabilities.Finest == ElementType.Float32 ? 5e-6 : 3e-4;

    private static double[] ReadOutput(BackendResult result) =>
        [.. Enumerable.Range(0, result.Output.Shape.Heads).SelectMany(head => result.Output.ReadHead(0, head, result.Output.Shape.Length))];
}
