using System.Numerics.Tensors;
using SkipSoftmax.Samples;

namespace Benchmarks;

/// <summary>
/// What rules of decode skip of the real tensors, and what that costs: the last 64 positions as decode steps, tiles of 64 keys, the query heads of a
/// key/value head deciding together. In double precision and apart from the library's own code.
/// </summary>
internal static class DecodeRules
{
    private const int Positions = 64;
    private const int Tile = 64;

    private static readonly double[] Lambdas = [0.001, 0.01, 0.05];

    /// <summary>Name, and which tiles a step keeps: (tile maxima [row][tile], ln λ) → kept.</summary>
    private static readonly (string Name, Func<double[][], double, bool[]> Keep)[] Rules =
    [
        ("one pass, ascending", (maxima, logLambda) => OnePass(maxima, logLambda, 1, ascending: true, seeded: false)),
        ("one pass, descending", (maxima, logLambda) => OnePass(maxima, logLambda, 1, ascending: false, seeded: false)),
        ("16 splits, each from nothing", (maxima, logLambda) => OnePass(maxima, logLambda, 16, ascending: true, seeded: false)),
        ("any splits, seeded by sink and newest tile", (maxima, logLambda) => Against(Seeds(maxima, 1), maxima, logLambda)),
        ("the same, two newest tiles", (maxima, logLambda) => Against(Seeds(maxima, 2), maxima, logLambda)),
        ("one pass from those seeds, descending", (maxima, logLambda) => OnePass(maxima, logLambda, 1, ascending: false, seeded: true)),
        ("knowing the final maximum", (maxima, logLambda) => Against([.. maxima.Select(row => row.Max())], maxima, logLambda)),
    ];

    public static void Run()
    {
        AttentionTensors[] files = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "data"), "*.safetensors").Order().Select(AttentionTensors.Read)];
        Console.WriteLine($"last {Positions} positions as decode steps, tiles of {Tile} keys; share of tiles skipped / ‖skipping − dense‖ ÷ ‖dense‖");
        foreach (AttentionTensors tensors in files)
        {
            Step[] steps = [.. Enumerable.Range(tensors.QueryShape.Length - Positions, Positions).Select(position => new Step(tensors, position))];
            Console.WriteLine();
            Console.WriteLine($"| {tensors.Name} | {string.Join(" | ", Lambdas.Select(lambda => $"λ = {lambda}"))} |");
            Console.WriteLine($"| --- | {string.Join(" | ", Lambdas.Select(_ => "---"))} |");
            foreach ((string name, Func<double[][], double, bool[]> keep) in Rules)
            {
                Console.WriteLine($"| {name} | {string.Join(" | ", Lambdas.Select(lambda => Measure(steps, maxima => keep(maxima, Math.Log(lambda)))))} |");
            }
        }
    }

    private static string Measure(Step[] steps, Func<double[][], bool[]> keep)
    {
        double skipped = 0, visited = 0, difference = 0, norm = 0;
        foreach (Step step in steps)
        {
            bool[] kept = keep(step.Maxima);
            visited += kept.Length;
            skipped += kept.Count(isKept => !isKept);
            (double stepDifference, double stepNorm) = step.ErrorOf(kept);
            difference += stepDifference;
            norm += stepNorm;
        }
        return $"{skipped / visited:f3} / {Math.Sqrt(difference / norm):f4}";
    }

    private static double[] Seeds(double[][] maxima, int newest) => [.. maxima.Select(row => Math.Max(row[0], row[^newest..].Max()))];

    private static bool[] Against(double[] judge, double[][] maxima, double logLambda) =>
        [.. Enumerable.Range(0, maxima[0].Length).Select(tile => tile == 0 || tile == maxima[0].Length - 1 || Dissents(judge, maxima, tile, logLambda))];

    private static bool[] OnePass(double[][] maxima, double logLambda, int splits, bool ascending, bool seeded)
    {
        int tiles = maxima[0].Length, length = (tiles + splits - 1) / splits;
        bool[] kept = new bool[tiles];
        for (int first = 0; first < tiles; first += length)
        {
            IEnumerable<int> part = Enumerable.Range(first, Math.Min(length, tiles - first));
            double[] running = seeded ? Seeds(maxima, 1) : [.. maxima.Select(_ => double.NegativeInfinity)];
            foreach (int tile in ascending ? part : part.Reverse())
            {
                kept[tile] = (seeded && (tile == 0 || tile == tiles - 1)) || Dissents(running, maxima, tile, logLambda);
                for (int row = 0; kept[tile] && row < running.Length; row++)
                {
                    running[row] = Math.Max(running[row], maxima[row][tile]);
                }
            }
        }
        return kept;
    }

    private static bool Dissents(double[] judge, double[][] maxima, int tile, double logLambda)
    {
        for (int row = 0; row < judge.Length; row++)
        {
            if (maxima[row][tile] - judge[row] >= logLambda)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>One position: logits of every row, tile maxima, and for each tile the sums that make outputs of any choice of tiles.</summary>
    private sealed class Step
    {
        private readonly int headDim;
        private readonly (double Weight, double[] Sum)[][] parts;

        public Step(AttentionTensors tensors, int position)
        {
            (int heads, int keys) = (tensors.QueryShape.Heads, position + 1);
            headDim = tensors.QueryShape.HeadDim;
            Maxima = new double[heads][];
            parts = new (double, double[])[heads][];
            for (int head = 0; head < heads; head++)
            {
                double[] query = Vector(tensors.Query, (position * heads) + head);
                double[] logits = [.. Enumerable.Range(0, keys).Select(key => AttentionTensors.Scale * TensorPrimitives.Dot<double>(query, Vector(tensors.Key, key)))];
                double largest = logits.Max();
                int tiles = (keys + Tile - 1) / Tile;
                Maxima[head] = [.. logits.Chunk(Tile).Select(tile => tile.Max())];
                parts[head] = new (double, double[])[tiles];
                for (int tile = 0; tile < tiles; tile++)
                {
                    double weight = 0;
                    double[] sum = new double[headDim];
                    for (int key = tile * Tile; key < Math.Min(keys, (tile + 1) * Tile); key++)
                    {
                        double share = Math.Exp(logits[key] - largest);
                        weight += share;
                        TensorPrimitives.MultiplyAdd<double>(Vector(tensors.Value, key), share, sum, sum);
                    }
                    parts[head][tile] = (weight, sum);
                }
            }
        }

        /// <summary>Each row's largest logit in each tile.</summary>
        public double[][] Maxima { get; }

        /// <summary>Squares of the distance to the dense output, and of its norm.</summary>
        public (double Difference, double Norm) ErrorOf(bool[] kept)
        {
            double difference = 0, norm = 0;
            foreach ((double Weight, double[] Sum)[] row in parts)
            {
                double[] dense = Output(row, _ => true), skipping = Output(row, tile => kept[tile]);
                difference += Math.Pow(TensorPrimitives.Distance<double>(skipping, dense), 2);
                norm += TensorPrimitives.SumOfSquares<double>(dense);
            }
            return (difference, norm);
        }

        private double[] Output((double Weight, double[] Sum)[] row, Func<int, bool> takes)
        {
            double weight = 0;
            double[] sum = new double[headDim];
            for (int tile = 0; tile < row.Length; tile++)
            {
                if (takes(tile))
                {
                    weight += row[tile].Weight;
                    TensorPrimitives.Add(sum, row[tile].Sum, sum);
                }
            }
            TensorPrimitives.Divide(sum, weight, sum);
            return sum;
        }

        private double[] Vector(Half[] tensor, int index) => [.. tensor.AsSpan(index * headDim, headDim).ToArray().Select(value => (double)value)];
    }
}
