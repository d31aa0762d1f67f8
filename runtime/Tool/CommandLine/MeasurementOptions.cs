using System.CommandLine;
using System.Globalization;
using SkipSoftmax.Tool.Measurement;
using SkipSoftmax.Tool.Tensors;

namespace SkipSoftmax.Tool.CommandLine;

/// <summary>What commands that run tensors take: the tensors, how they decide, and where they run.</summary>
internal sealed class MeasurementOptions
{
    private readonly Argument<string[]> paths = new("tensors") { Arity = ArgumentArity.OneOrMore, Description = LayerTensors.Description };
    private readonly Option<bool> headsFirst = new("--heads-first") { Description = "The tensors are [head, token, head_dim]." };
    private readonly Option<float?> scale = new("--scale") { Description = "Factor of q·k. Default: 1 / √head_dim." };
    private readonly Option<int> steps = new("--steps") { Description = "Decode: so many last positions are taken as steps.", DefaultValueFactory = _ => 64 };
    private readonly Option<TileOrder[]> orders;
    private readonly Option<string[]> tiles;
    private readonly Option<GpuTargets> targets = new("--targets") { Description = "GPU targets to declare. Default: None, the CPU path." };
    private readonly Option<string?> nvrtc = ToolOptions.Nvrtc();

    /// <param name="defaultOrders">Of prefill.</param>
    /// <param name="defaultTiles">As on the command line.</param>
    public MeasurementOptions(TileOrder[] defaultOrders, string[] defaultTiles)
    {
        orders = new("--order") { Description = "Prefill: visiting orders.", DefaultValueFactory = _ => defaultOrders, AllowMultipleArgumentsPerToken = true };
        tiles = new("--tile") { Description = "Query rows × keys of a decision, such as 64x128 (decode: its keys).", DefaultValueFactory = _ => defaultTiles, AllowMultipleArgumentsPerToken = true };
    }

    public void AddTo(Command command)
    {
        command.Add(paths);
        foreach (Option option in new Option[] { orders, tiles, steps, scale, headsFirst, targets, nvrtc })
        {
            command.Add(option);
        }
    }

    /// <exception cref="InvalidDataException">A file is damaged, or they are of several element types or head dimensions.</exception>
    public LayerTensors[] ReadTensors(ParseResult line)
    {
        LayerTensors[] layers = [.. line.GetValue(paths)!.Select(path => LayerTensors.Read(path, line.GetValue(headsFirst)))];
        LayerTensors first = layers[0];
        return layers.FirstOrDefault(layer => layer.Element != first.Element || layer.QueryShape.HeadDim != first.QueryShape.HeadDim) is not { } other
            ? layers
            : throw new InvalidDataException(
                $"{other.Name} is {other.Element} of head_dim {other.QueryShape.HeadDim}, but {first.Name} is {first.Element} of head_dim {first.QueryShape.HeadDim}: give those of one model at a time.");
    }

    /// <summary>Each order with each block size; in decode each number of keys.</summary>
    public DecisionShape[] Shapes(ParseResult line, AttentionPhase phase)
    {
        (int Query, int Key)[] sizes = [.. line.GetValue(tiles)!.Select(ParseTile)];
        return phase == AttentionPhase.Decode
            ? [.. sizes.Select(size => size.Key).Distinct().Select(keys => new DecisionShape(phase, default, 0, keys))]
            : [.. from order in line.GetValue(orders)! from size in sizes select new DecisionShape(phase, order, size.Query, size.Key)];
    }

    public LayerFacts Facts(ParseResult line, LayerTensors tensors, AttentionMask mask) => new(tensors.QueryShape.HeadDim, tensors.Element, mask, line.GetValue(targets));

    public AttentionContext MakeContext(ParseResult line) => new(new() { NvrtcPath = line.GetValue(nvrtc) });

    /// <summary>The problem of so many tokens in the shape's phase.</summary>
    public LayerProblem Problem(ParseResult line, LayerTensors tensors, DecisionShape shape, int tokens) => shape.Phase == AttentionPhase.Decode
        ? LayerProblem.Decode(tensors, shape, tokens, RequirePositive(line.GetValue(steps), "--steps"), line.GetValue(scale))
        : LayerProblem.Prefill(tensors, shape, tokens, line.GetValue(scale));

    public static int RequirePositive(int value, string option) =>
        value > 0 ? value : throw new ToolException(ExitCode.Misused, $"{option} is {value}: give a number from 1 on.");

    private static (int, int) ParseTile(string text) =>
        text.Split('x') is [string query, string key] && int.TryParse(query, NumberStyles.None, CultureInfo.InvariantCulture, out int rows) && int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int keys)
            ? (rows, keys)
            : throw new ToolException(ExitCode.Misused, $"--tile is {text}: give query rows and keys as 64x128.");
}
