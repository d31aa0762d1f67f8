using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using SkipSoftmax.Tool.Measurement;

namespace SkipSoftmax.Tool.Calibration;

/// <summary>Coefficients of a model; null for a phase that was not calibrated.</summary>
internal sealed record ModelCalibration(SparsityCalibration? Prefill, SparsityCalibration? Decode)
{
    public SparsityCalibration? Of(AttentionPhase phase) => phase == AttentionPhase.Decode ? Decode : Prefill;
}

/// <summary>
/// <c>sparse_attention_config</c> of a model's config.json, as NVIDIA Model Optimizer writes it and TensorRT-LLM reads it: a group of <c>config_groups</c> whose
/// <c>algorithm</c> is <c>skip_softmax</c> holds <c>threshold_scale_factor</c> with a formula and its coefficients for prefill and decode.
/// </summary>
internal static class SparseAttentionConfig
{
    private const string Root = "sparse_attention_config", Groups = "config_groups", Factor = "threshold_scale_factor", Algorithm = "skip_softmax";

    private const string Formula = "a * exp(b * target_sparsity)", LogFormula = "exp(log_a + b * target_sparsity)";

    private static readonly JsonSerializerOptions written = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The coefficients in a config.json.</summary>
    /// <exception cref="InvalidDataException">It holds none, or a formula of another form.</exception>
    public static ModelCalibration Read(string path)
    {
        JsonObject config = Parse(path, File.ReadAllBytes(path))[Root] as JsonObject ?? throw Damaged(path, $"it has no {Root}");
        // Before version 0.45 Model Optimizer put the factor beside the groups.
        JsonObject factor = (SkipSoftmaxGroup(config)?[Factor] ?? config[Factor]) as JsonObject ?? throw Damaged(path, $"its {Root} has no {Algorithm} group with a {Factor}");
        // Of diffusion models, which have one phase.
        SparsityCalibration? prefill = Coefficients(path, factor, "prefill") ?? Coefficients(path, factor, "coefficients"), decode = Coefficients(path, factor, "decode");
        return prefill is null && decode is null ? throw Damaged(path, $"its {Factor} has no coefficients for prefill or decode") : new(prefill, decode);
    }

    /// <summary>Puts the coefficients into a config.json, which is made if it does not exist. Everything outside <c>sparse_attention_config</c> stays, byte for byte; within
    /// it, what does not belong to skip softmax stays.</summary>
    /// <exception cref="InvalidDataException">The file is no JSON object.</exception>
    public static void Write(string path, ModelCalibration calibration, double target, DecisionShape? prefill)
    {
        byte[] old = File.Exists(path) ? File.ReadAllBytes(path) : "{}\n"u8.ToArray();
        JsonObject config = Parse(path, old)[Root] as JsonObject ?? [];
        File.WriteAllBytes(path, Replace(old, Merge(config, calibration, target, prefill)));
    }

    /// <summary>What is written, for people to see.</summary>
    public static string Describe(ModelCalibration calibration, double target, DecisionShape? prefill) =>
        new JsonObject { [Root] = Merge([], calibration, target, prefill) }.ToJsonString(written);

    private static JsonObject Merge(JsonObject config, ModelCalibration calibration, double target, DecisionShape? prefill)
    {
        if (config[Groups] is not JsonObject groups)
        {
            config[Groups] = groups = [];
        }
        if (SkipSoftmaxGroup(config) is not { } group)
        {
            int free = Enumerable.Range(0, groups.Count + 1).First(index => !groups.ContainsKey($"group_{index}"));
            groups[$"group_{free}"] = group = new() { ["algorithm"] = Algorithm };
        }
        // Another phase's coefficients, which this run did not fit, stay where their formula says the same.
        JsonObject factor = group[Factor] is JsonObject present && IsFormula(present, Formula) ? present : new() { ["formula"] = Formula };
        JsonObject targets = group["target_sparsity"] as JsonObject ?? [];
        foreach ((string phase, SparsityCalibration? coefficients) in new[] { ("prefill", calibration.Prefill), ("decode", calibration.Decode) })
        {
            if (coefficients is { } fitted)
            {
                factor[phase] = new JsonObject { ["a"] = fitted.A, ["b"] = fitted.B };
                targets[phase] = target;
            }
        }
        group[Factor] = factor;
        group["target_sparsity"] = targets;
        JsonObject producer = new() { ["name"] = "SkipSoftmax.Gen", ["version"] = typeof(AttentionContext).Assembly.GetName().Version!.ToString(3) };
        if (prefill is not null)
        {
            // A factor belongs to these; nobody else reads them here.
            producer["tile_order"] = $"{prefill.Order}";
            producer["query_block"] = prefill.QueryBlock;
            producer["key_block"] = prefill.KeyBlock;
        }
        config["producer"] = producer;
        return config;
    }

    private static JsonObject? SkipSoftmaxGroup(JsonObject config) =>
        (config[Groups] as JsonObject)?.Select(group => group.Value).OfType<JsonObject>().FirstOrDefault(group => group["algorithm"] is JsonValue value && value.ToString() == Algorithm);

    private static SparsityCalibration? Coefficients(string path, JsonObject factor, string name)
    {
        if (factor[name] is not JsonObject values)
        {
            return null;
        }
        (double a, double b) = IsFormula(factor, Formula) ? (Number("a"), Number("b"))
            : IsFormula(factor, LogFormula) ? (Math.Exp(Number("log_a")), Number("b"))
            : throw Damaged(path, $"its formula is {factor["formula"]?.ToJsonString() ?? "missing"}, not \"{Formula}\" or \"{LogFormula}\"");
        return a > 0 && double.IsFinite(a) && double.IsFinite(b) ? new(a, b) : throw Damaged(path, $"its coefficients a = {a}, b = {b} of {name} give no factor");

        double Number(string coefficient) =>
            values[coefficient] is JsonValue value && value.TryGetValue(out double number) ? number : throw Damaged(path, $"its coefficient {coefficient} of {name} is no number");
    }

    private static bool IsFormula(JsonObject factor, string formula) =>
        factor["formula"] is JsonValue value && value.ToString().Replace(" ", "", StringComparison.Ordinal) == formula.Replace(" ", "", StringComparison.Ordinal);

    private static JsonObject Parse(string path, byte[] text)
    {
        try
        {
            JsonObject root = JsonNode.Parse(text.AsSpan(TextStart(text))) as JsonObject ?? throw Damaged(path, "it is no JSON object");
            _ = root.Count; // a name that is there twice shows only now
            return root;
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            throw Damaged(path, exception.Message);
        }
    }

    /// <summary>The text with this value at its root's property, the rest as it was.</summary>
    private static byte[] Replace(byte[] old, JsonObject config)
    {
        int start = TextStart(old), from = -1, to = -1, lastValueEnd = -1;
        Utf8JsonReader reader = new(old.AsSpan(start));
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isConfig = reader.ValueTextEquals(Root);
            reader.Read();
            int valueStart = start + (int)reader.TokenStartIndex;
            reader.Skip();
            lastValueEnd = start + (int)reader.BytesConsumed;
            (from, to) = isConfig ? (valueStart, lastValueEnd) : (from, to);
        }
        string value = config.ToJsonString(written).Replace("\n", "\n  ", StringComparison.Ordinal);
        if (from >= 0)
        {
            return [.. old[..from], .. Encoding.UTF8.GetBytes(value), .. old[to..]];
        }
        int end = start + (int)reader.TokenStartIndex; // the closing brace
        return lastValueEnd < 0
            ? [.. old[..end], .. Encoding.UTF8.GetBytes($"\n  \"{Root}\": {value}\n"), .. old[end..]]
            : [.. old[..lastValueEnd], .. Encoding.UTF8.GetBytes($",\n  \"{Root}\": {value}"), .. old[lastValueEnd..]];
    }

    private static int TextStart(byte[] text) => text.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;

    private static InvalidDataException Damaged(string path, string what) => new($"{path} has no calibration that can be used: {what}.");
}
