using System.CommandLine;
using SkipSoftmax.Pictures;
using SkipSoftmax.Tool.CommandLine;
using SkipSoftmax.Tool.Measurement;
using SkipSoftmax.Tool.Pictures;
using SkipSoftmax.Tool.Tensors;
using Spectre.Console;

namespace SkipSoftmax.Tool.Commands;

/// <summary><c>sweep</c>: sparsity, error and time over λ, order and tile size, on given tensors.</summary>
internal sealed class SweepCommand
{
    private static readonly float[] defaultLambdas = [0.001f, 0.002f, 0.005f, 0.01f, 0.02f, 0.05f, 0.1f];

    private readonly MeasurementOptions measurement = new(Enum.GetValues<TileOrder>(), ["64x64", "64x128", "128x128"]);
    private readonly Option<float[]> lambdas = new("--lambda") { Description = "Values of λ.", DefaultValueFactory = _ => defaultLambdas, AllowMultipleArgumentsPerToken = true };
    private readonly Option<AttentionPhase> phase = new("--phase") { Description = "Prefill or Decode." };
    private readonly Option<AttentionMask> mask = new("--mask") { Description = "Causal or None.", DefaultValueFactory = _ => AttentionMask.Causal };
    private readonly Option<int?> tokens = new("--tokens") { Description = "The first so many tokens. Default: all." };
    private readonly Option<int> rounds = new("--rounds") { Description = "Timed runs, of which the best counts.", DefaultValueFactory = _ => 3 };
    private readonly Option<string?> curve = new("--curve") { Description = "PNG to draw: error over sparsity, a line for each tensors, order and tile size." };
    private readonly Option<string?> pictures = new("--pictures") { Description = "Folder for pictures of the tiles, one PNG for each tensors, order and tile size: heads side by side, λ downwards." };
    private readonly Option<int[]> heads = new("--heads") { Description = "Prefill: heads in the pictures. Default: all.", AllowMultipleArgumentsPerToken = true };

    public static Command Create(Terminal terminal)
    {
        SweepCommand sweep = new();
        Command command = new("sweep", "Tensors → sparsity, error and time over λ, order and tile size.")
        {
            sweep.lambdas, sweep.phase, sweep.mask, sweep.tokens, sweep.rounds, sweep.curve, sweep.pictures, sweep.heads,
        };
        sweep.measurement.AddTo(command);
        command.SetAction(line => sweep.Run(line, terminal));
        return command;
    }

    private int Run(ParseResult line, Terminal terminal)
    {
        LayerTensors[] layers = measurement.ReadTensors(line);
        DecisionShape[] shapes = measurement.Shapes(line, line.GetValue(phase));
        float[] values = [.. line.GetValue(lambdas)!.Order()];
        int timedRounds = MeasurementOptions.RequirePositive(line.GetValue(rounds), "--rounds");
        LayerFacts facts = measurement.Facts(line, layers[0], line.GetValue(mask));
        using AttentionContext context = measurement.MakeContext(line);
        (DeclaredAttention[] dense, DeclaredAttention[] skipping, BackendChoice backend) = terminal.Wait("Generating and compiling the declarations", () =>
        {
            DeclaredAttention[] made = DeclaredAttention.Declare(facts, ThresholdMode.Fixed, shapes);
            return (DeclaredAttention.Declare(facts, ThresholdMode.Off, shapes), made, made[0].Prepare(context));
        });
        SweepPoint[] points = terminal.Count($"Running {layers.Length} × {shapes.Length} × {values.Length} on the {backend.Backend}", layers.Length * shapes.Length * timedRounds, step =>
            (from layer in layers
             from index in Enumerable.Range(0, shapes.Length)
             from point in Measure(line, layer, shapes[index], dense[index], skipping[index], context, values, timedRounds, step)
             select point).ToArray());
        if (line.GetValue(curve) is string file)
        {
            SweepCurve.Save(points, file);
        }
        terminal.Answer(line, new { Backend = backend, Points = points }, console => Render(points, backend, facts.Targets, console));
        return ExitCode.Success;
    }

    private SweepPoint[] Measure(
        ParseResult line, LayerTensors layer, DecisionShape shape, DeclaredAttention dense, DeclaredAttention skipping, AttentionContext context, float[] values, int timedRounds, Action step)
    {
        int length = line.GetValue(tokens) ?? layer.Tokens;
        if (length < 1 || length > layer.Tokens)
        {
            throw new ToolException(ExitCode.Misused, $"--tokens is {length}, but {layer.Name} has {layer.Tokens}: ask for 1 to {layer.Tokens}.");
        }
        LayerProblem problem = measurement.Problem(line, layer, shape, length);
        if (line.GetValue(pictures) is not string folder || shape.Phase == AttentionPhase.Decode)
        {
            return Sweep.Run(problem, layer.Name, shape, dense, skipping, context, values, timedRounds, _ => { }, step);
        }
        int[] drawn = line.GetValue(heads) is { Length: > 0 } chosen ? chosen : [.. Enumerable.Range(0, problem.DecisionHeads)];
        if (drawn.Any(head => head < 0 || head >= problem.DecisionHeads))
        {
            throw new ToolException(ExitCode.Misused, $"--heads is {string.Join(' ', drawn)}, but {layer.Name} has heads 0 to {problem.DecisionHeads - 1}.");
        }
        TilePicture picture = new(values.Length, drawn.Length, problem.QueryBlocks, problem.KeyBlocks);
        int tiles = problem.QueryBlocks * problem.KeyBlocks;
        SweepPoint[] points = Sweep.Run(problem, layer.Name, shape, dense, skipping, context, values, timedRounds, index =>
        {
            for (int column = 0; column < drawn.Length; column++)
            {
                picture.Draw(index, column, problem.Decisions.AsSpan(drawn[column] * tiles, tiles));
            }
        }, step);
        Directory.CreateDirectory(folder);
        picture.Save(Path.Combine(folder, $"{layer.Name}-{shape.Order.ToString().ToLowerInvariant()}-{shape.QueryBlock}x{shape.KeyBlock}.png"));
        return points;
    }

    private static void Render(SweepPoint[] points, BackendChoice backend, GpuTargets targets, IAnsiConsole console)
    {
        console.MarkupLine(targets == GpuTargets.None ? "CPU path; --targets asks for a GPU" : $"{backend.Backend}: {backend.Reason.EscapeMarkup()}");
        foreach (IGrouping<(string Tensors, DecisionShape Shape), SweepPoint> group in points.GroupBy(point => (point.Tensors, point.Shape)))
        {
            console.MarkupLine($"[bold]{group.Key.Tensors.EscapeMarkup()}[/], {group.Key.Shape}; dense {group.First().DenseMilliseconds:f1} ms");
            Table table = Terminal.TableOf("λ", "sparsity", "by head", "error", "time", "speed-up");
            foreach (SweepPoint point in group)
            {
                table.AddRow($"{point.Lambda}", $"{point.Sparsity:p1}", string.Join("  ", point.SparsityByHead.Select(head => $"{head:p1}")), $"{point.Error:f4}", $"{point.Milliseconds:f1} ms", $"{point.SpeedUp:f2} ×");
            }
            console.Write(table);
        }
        console.MarkupLine("Sparsity: skipped / visited tiles. Error: ‖skipping − dense‖ / ‖dense‖. A λ belongs to its order and tile size.");
    }
}
