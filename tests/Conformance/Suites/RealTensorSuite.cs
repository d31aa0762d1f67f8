using System.Numerics.Tensors;
using SkipSoftmax.Samples;
using Xunit.Abstractions;

namespace SkipSoftmax.Conformance;

/// <summary>Real tensors, against figures made by independent code and against the reference.</summary>
public abstract class RealTensorSuite<TBackend>(ITestOutputHelper output) : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
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

    public static IEnumerable<object[]> FilesAndOrders =>
        from file in new[] { "tech-layer14-kv0-4k", "tech-layer22-kv0-4k", "code-layer05-kv1-4k" } from order in PublishedOrders select new object[] { file, order };

    [SkippableTheory]
    [MemberData(nameof(PublishedRows))]
    public void Published_sparsity_and_error_are_reproduced(string file, int keyBlock, float lambda)
    {
        AttentionCase dense = Load(file, keyBlock, ThresholdMode.Off, TileOrder.Ascending, Capabilities.Finest);
        double[] exact = ReadOutput(Run(dense));
        foreach ((TileOrder order, (double sparsity, double error)) in PublishedOrders.Zip(Published.Single(row => (row.File, row.KeyBlock, row.Lambda) == (file, keyBlock, lambda)).ByOrder))
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

    [SkippableTheory]
    [MemberData(nameof(FilesAndOrders))]
    public void Real_tensors_agree_with_the_reference(string file, TileOrder order)
    {
        AttentionCase attentionCase = Load(file, 64, ThresholdMode.Fixed, order, ElementType.Float16) with { ThresholdValue = 0.02f };
        ReferenceComparison comparison = ReferenceComparison.Check(attentionCase, Run(attentionCase));
        output.WriteLine($"{attentionCase.Name}: {comparison}");
    }

    /// <summary>The published errors are of unrounded outputs: float32's rounding is far below their last digit, float16's is not.</summary>
    private double OutputRounding => Capabilities.Finest == ElementType.Float32 ? 5e-6 : 3e-4;

    private static AttentionCase Load(string file, int keyBlock, ThresholdMode mode, TileOrder order, ElementType element)
    {
        AttentionTensors tensors = AttentionTensors.Read(Find(file));
        return new AttentionCase
        {
            Name = $"{file} {order}",
            Specification = CraftedCases.Specification with { Mask = AttentionMask.Causal, KeyBlock = keyBlock, Threshold = mode, Order = order, Element = element },
            Query = Import(tensors.Query, tensors.QueryShape, element),
            Key = Import(tensors.Key, tensors.KeyShape, element),
            Value = Import(tensors.Value, tensors.KeyShape, element),
            Scale = AttentionTensors.Scale,
        };
    }

    /// <summary>The tensors in the repository, or the longer ones in a folder <c>shared/data</c> beside it.</summary>
    private static string Find(string file)
    {
        string name = $"{file}.safetensors";
        string inRepository = Path.Combine(AppContext.BaseDirectory, "data", name);
        if (File.Exists(inRepository))
        {
            return inRepository;
        }
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "SkipSoftmax.Gen.sln")))
        {
            root = root.Parent;
        }
        string beside = Path.Combine(root?.Parent?.FullName ?? AppContext.BaseDirectory, "shared", "data", name);
        Skip.IfNot(File.Exists(beside), $"{name} is neither in the repository (5 MB; its first 4,096 tokens are) nor in ../shared/data beside it.");
        return beside;
    }

    private static HostTensor Import(Half[] elements, TensorShape shape, ElementType element)
    {
        HostTensor tensor = new(element, shape);
        for (int index = 0; index < elements.Length; index++)
        {
            int row = index / shape.HeadDim;
            tensor[0, row / shape.Heads, row % shape.Heads, index % shape.HeadDim] = (float)elements[index];
        }
        return tensor;
    }

    private static double[] ReadOutput(BackendResult result) =>
        [.. Enumerable.Range(0, result.Output.Shape.Heads).SelectMany(head => result.Output.ReadHead(0, head, result.Output.Shape.Length))];
}
