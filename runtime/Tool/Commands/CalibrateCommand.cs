using System.CommandLine;
using SkipSoftmax.Tool.Calibration;
using SkipSoftmax.Tool.CommandLine;
using SkipSoftmax.Tool.Measurement;
using SkipSoftmax.Tool.Tensors;
using Spectre.Console;

namespace SkipSoftmax.Tool.Commands;

/// <summary><c>calibrate</c>: coefficients of <c>TargetSparsity</c> from tensors, and how well they hold on what they were not fitted to.</summary>
internal sealed class CalibrateCommand
{
    private const int ShortestLength = 1024;

    private static readonly AttentionPhase[] bothPhases = [AttentionPhase.Prefill, AttentionPhase.Decode];

    private readonly MeasurementOptions measurement = new([TileOrder.Descending], ["64x64"]);
    private readonly Option<AttentionPhase[]> phases = new("--phase") { Description = "Prefill or Decode. Default: both, each by itself.", DefaultValueFactory = _ => bothPhases, AllowMultipleArgumentsPerToken = true };
    private readonly Option<double> target = new("--target") { Description = "Share of tiles to skip.", DefaultValueFactory = _ => 0.5 };
    private readonly Option<double> tolerance = new("--tolerance") { Description = "A check that is off by more is a failure (exit code 1).", DefaultValueFactory = _ => 0.05 };
    private readonly Option<int[]> lengths = new("--lengths") { Description = "Prompt lengths: the first tokens of each file. Default: powers of two from 1,024, and its own.", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> config = new("--config") { Description = "config.json to put sparse_attention_config into; the rest of it stays." };
    private readonly Option<string?> check = new("--check") { Description = "config.json whose coefficients are run on the tensors, instead of fitting any." };

    public static Command Create(Terminal terminal)
    {
        CalibrateCommand calibrate = new();
        Command command = new("calibrate", "Tensors of several lengths → a, b of TargetSparsity, and how well they hold on what they were not fitted to.")
        {
            calibrate.target, calibrate.phases, calibrate.lengths, calibrate.config, calibrate.check, calibrate.tolerance,
        };
        calibrate.measurement.AddTo(command);
        command.SetAction(line => calibrate.Run(line, terminal));
        return command;
    }

    private int Run(ParseResult line, Terminal terminal)
    {
        LayerTensors[] layers = measurement.ReadTensors(line);
        double wanted = line.GetValue(target);
        if (!(wanted is > 0 and < 1))
        {
            throw new ToolException(ExitCode.Misused, $"--target is {wanted}: give a share of tiles between 0 and 1.");
        }
        ModelCalibration? given = line.GetValue(check) is string checkedFile ? SparseAttentionConfig.Read(checkedFile) : null;
        LayerFacts facts = measurement.Facts(line, layers[0], AttentionMask.Causal);
        using AttentionContext context = measurement.MakeContext(line);
        PhaseResult[] results =
        [
            .. line.GetValue(phases)!.Distinct().Order().Where(phase => given is null || given.Of(phase) is not null)
                .Select(phase => Run(line, terminal, layers, facts, context, wanted, phase, given?.Of(phase))),
        ];
        if (results.Length == 0)
        {
            throw new ToolException(ExitCode.Misused, $"{line.GetValue(check)} has no coefficients for {string.Join(" or ", line.GetValue(phases)!)}: give another --phase.");
        }
        ModelCalibration fitted = new(Of(results, AttentionPhase.Prefill), Of(results, AttentionPhase.Decode));
        DecisionShape? prefill = results.FirstOrDefault(result => result.Shape.Phase == AttentionPhase.Prefill)?.Shape;
        if (given is null && line.GetValue(config) is string file)
        {
            SparseAttentionConfig.Write(file, fitted, wanted, prefill);
        }
        double allowed = line.GetValue(tolerance);
        terminal.Answer(line, new { Target = wanted, Tolerance = allowed, Phases = results }, console =>
        {
            foreach (PhaseResult result in results)
            {
                Render(result, wanted, allowed, given is not null, console);
            }
            if (given is null)
            {
                console.WriteLine(line.GetValue(config) is string changed ? $"Written into {changed}." : SparseAttentionConfig.Describe(fitted, wanted, prefill));
            }
        });
        return results.All(result => result.Checks.All(of => Math.Abs(of.Achieved - wanted) <= allowed)) ? ExitCode.Success : ExitCode.Failed;
    }

    private PhaseResult Run(
        ParseResult line, Terminal terminal, LayerTensors[] layers, LayerFacts facts, AttentionContext context, double wanted, AttentionPhase phase, SparsityCalibration? given)
    {
        DecisionShape shape = measurement.Shapes(line, phase) is [var single] ? single : throw new ToolException(ExitCode.Misused, "A calibration belongs to one order and one tile size: give one --order and one --tile.");
        CalibrationRun run = terminal.Wait("Generating and compiling the declarations", () => new CalibrationRun(
            context, shape, DeclaredAttention.Declare(facts, ThresholdMode.Fixed, [shape])[0], DeclaredAttention.Declare(facts, ThresholdMode.TargetSparsity, [shape])[0]));
        int[][] lengthsOf = [.. layers.Select(layer => LengthsOf(line, layer, shape))];
        Dictionary<SparsityCurve, Func<LayerProblem>> problems = [];
        SparsityCurve[][] curves = terminal.Count($"Measuring {phase}", lengthsOf.Sum(of => CalibrationRun.StepsOf(phase, of.Length)), step => layers.Select((layer, index) =>
        {
            SparsityCurve[] measured = run.Measure(layer, lengthsOf[index], tokens => measurement.Problem(line, layer, shape, tokens), step);
            foreach (SparsityCurve curve in measured)
            {
                problems[curve] = () => measurement.Problem(line, layer, shape, curve.Tokens);
            }
            return measured;
        }).ToArray());
        SparsityCurve[] all = [.. curves.SelectMany(of => of)];
        SparsityCalibration calibration = given ?? Fit(all, phase);
        // Each file in turn by the others' fit; a single file's lengths in turn.
        IEnumerable<SparsityCurve[]> heldOut = given is not null ? [all] : layers.Length > 1 ? curves : all.Length > 1 ? all.Select(curve => new[] { curve }) : [];
        CalibrationCheck[] checks = terminal.Wait($"Checking {phase}", () =>
            (from held in heldOut
             let ofOthers = given ?? Fit([.. all.Except(held)], phase)
             from curve in held
             select run.Check(ofOthers, wanted, curve, problems[curve]())).ToArray());
        IEnumerable<FormulaLimit> limits = curves.Select(of => FormulaLimit.Of(of[0].Tensors, of, wanted));
        return new(shape, calibration, checks, [.. layers.Length > 1 ? limits.Append(FormulaLimit.Of("all of them", all, wanted)) : limits]);
    }

    private int[] LengthsOf(ParseResult line, LayerTensors layer, DecisionShape shape)
    {
        int[] asked = line.GetValue(lengths) is { Length: > 0 } given
            ? [.. given.Where(tokens => tokens <= layer.Tokens)]
            : [.. Enumerable.Range(0, 31).Select(power => 1 << power).Where(tokens => tokens >= ShortestLength && tokens < layer.Tokens), layer.Tokens];
        if (asked.Length == 0)
        {
            throw new ToolException(ExitCode.Misused, $"--lengths are all more than the {layer.Tokens} tokens of {layer.Name}.");
        }
        // A shorter prompt is the first rows of a longer one only where it ends with a block.
        int[] bad = [.. asked.Where(tokens => tokens < 1 || (shape.Phase == AttentionPhase.Prefill && tokens != layer.Tokens && tokens % shape.QueryBlock != 0))];
        return bad.Length == 0
            ? [.. asked.Distinct().Order()]
            : throw new ToolException(ExitCode.Misused, $"--lengths has {bad[0]}: give multiples of the query block, {shape.QueryBlock}, or the {layer.Tokens} tokens of {layer.Name}.");
    }

    private static SparsityCalibration Fit(IReadOnlyList<SparsityCurve> curves, AttentionPhase phase) => ThresholdFit.Fit(curves) ?? throw new ToolException(
        ExitCode.Failed, $"{phase} of {string.Join(", ", curves.Select(curve => curve.Tensors).Distinct())} can't be fitted: no λ up to 1 skips between 10 and 90 % of its tiles. Give longer prompts or other layers.");

    private static SparsityCalibration? Of(PhaseResult[] results, AttentionPhase phase) => results.FirstOrDefault(result => result.Shape.Phase == phase)?.Calibration;

    private static void Render(PhaseResult result, double wanted, double allowed, bool given, IAnsiConsole console)
    {
        console.MarkupLine($"[bold]{result.Shape.Phase}[/] ({result.Shape}): a = {result.Calibration.A:g5}, b = {result.Calibration.B:g5}; λ = a · exp(b · target) / tokens");
        if (result.Checks.Count == 0)
        {
            console.MarkupLine("Nothing was held out: give several files, or one with several lengths.");
            return;
        }
        console.MarkupLine($"Target {wanted:p0} by {(given ? "the given coefficients" : "coefficients that were fitted without what is checked")}:");
        Table table = Terminal.TableOf("tensors", "tokens", "skipped", "off by", "factor given", "factor that hits");
        foreach (CalibrationCheck check in result.Checks)
        {
            double off = check.Achieved - wanted;
            table.AddRow(
                check.Tensors.EscapeMarkup(), $"{check.Tokens:n0}", $"{check.Achieved:p1}", Math.Abs(off) <= allowed ? $"{100 * off:+0.0;-0.0} points" : $"[red]{100 * off:+0.0;-0.0} points[/]",
                $"{check.Factor:n0}", check.FactorNeeded is double needed ? $"{needed:n0}" : "none up to λ = 1");
        }
        console.Write(table);
        CalibrationCheck worst = result.Checks.MaxBy(check => Math.Abs(check.Achieved - wanted))!;
        console.MarkupLine(Math.Abs(worst.Achieved - wanted) <= allowed
            ? $"Every check is within {100 * allowed:n0} points."
            : $"[red]{result.Checks.Count(check => Math.Abs(check.Achieved - wanted) > allowed)} of {result.Checks.Count} checks are off by more than {100 * allowed:n0} points[/], "
                + $"{worst.Tensors.EscapeMarkup()} at {worst.Tokens:n0} tokens by {100 * (worst.Achieved - wanted):+0.0;-0.0}. At one target the formula gives all layers and lengths one factor; the best there is:");
        Table limits = Terminal.TableOf("for", "factor", "worst length off by", "λ that hits goes with tokens to the power");
        foreach (FormulaLimit limit in result.Limits)
        {
            limits.AddRow(limit.Tensors.EscapeMarkup(), $"{limit.BestFactor:n0}", $"{100 * limit.WorstOff:f1} points", limit.LengthExponent is double exponent ? $"{exponent:f2} (formula: -1)" : "");
        }
        console.Write(limits);
    }

    /// <summary>What was fitted or given for one phase, how it held, and how well any coefficients could.</summary>
    private sealed record PhaseResult(DecisionShape Shape, SparsityCalibration Calibration, IReadOnlyList<CalibrationCheck> Checks, IReadOnlyList<FormulaLimit> Limits);
}
