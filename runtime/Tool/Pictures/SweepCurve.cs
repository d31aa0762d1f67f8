using ScottPlot;
using SkipSoftmax.Tool.Measurement;

namespace SkipSoftmax.Tool.Pictures;

/// <summary>Error over sparsity, a line for each tensors and way to decide: lower and further right is better.</summary>
internal static class SweepCurve
{
    private const int Width = 1200, Height = 800;

    public static void Save(IEnumerable<SweepPoint> points, string path)
    {
        using Plot plot = new();
        foreach (IGrouping<(string Tensors, DecisionShape Shape), SweepPoint> line in points.GroupBy(point => (point.Tensors, point.Shape)))
        {
            SweepPoint[] drawn = [.. line.Where(point => point.Error > 0)];
            plot.Add.Scatter(drawn.Select(point => 100 * point.Sparsity).ToArray(), drawn.Select(point => Math.Log10(point.Error)).ToArray()).LegendText = $"{line.Key.Tensors}, {line.Key.Shape}";
        }
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true, LabelFormatter = power => $"{Math.Pow(10, power):g2}" };
        plot.XLabel("tiles skipped, %");
        plot.YLabel("‖skipping − dense‖ / ‖dense‖");
        plot.ShowLegend(Edge.Bottom);
        plot.SavePng(path, Width, Height);
    }
}
