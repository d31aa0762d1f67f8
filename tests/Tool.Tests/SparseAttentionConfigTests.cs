using System.Text;
using System.Text.Json.Nodes;
using SkipSoftmax.Tool.Calibration;
using SkipSoftmax.Tool.Measurement;

namespace SkipSoftmax.Tool.Tests;

/// <summary><c>sparse_attention_config</c> in the forms that Model Optimizer has written, and a config.json that keeps all else.</summary>
public sealed class SparseAttentionConfigTests : IDisposable
{
    private static readonly ModelCalibration fitted = new(new(100.25, 5.5), new(0.05, 10));

    private readonly UserFiles files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("""{"config_groups": {"group_0": {"algorithm": "skip_softmax", "threshold_scale_factor": {"formula": "a * exp(b * target_sparsity)", "prefill": {"a": 100.25, "b": 5.5}, "decode": {"a": 0.05, "b": 10}}, "ignore": ["model.layers.0.self_attn"]}}}""")]
    [InlineData("""{"config_groups": {"group_0": {"algorithm": "other"}, "group_1": {"algorithm": "skip_softmax", "threshold_scale_factor": {"formula": "a*exp(b*target_sparsity)", "prefill": {"a": 100.25, "b": 5.5}, "decode": {"a": 5e-2, "b": 10.0}}}}}""")]
    [InlineData("""{"config_groups": {"group_0": {"sparse_algo": "softmax_skip", "targets": ["LlamaAttention"]}}, "threshold_scale_factor": {"formula": "a * exp(b * target_sparsity)", "prefill": {"a": 100.25, "b": 5.5}, "decode": {"a": 0.05, "b": 10}}, "producer": {"name": "modelopt"}}""")]
    public void Coefficients_are_read_from_each_form(string config)
    {
        string path = files.Write("config.json", $$"""{"model_type": "llama", "sparse_attention_config": {{config}}}""");

        Assert.Equal(fitted, SparseAttentionConfig.Read(path));
    }

    [Fact]
    public void Diffusion_models_have_one_phase_and_may_have_a_logarithm()
    {
        string path = files.Write("config.json", """{"sparse_attention_config": {"threshold_scale_factor": {"formula": "exp(log_a + b * target_sparsity)", "coefficients": {"log_a": -14.14, "b": 36.64}}}}""");

        ModelCalibration calibration = SparseAttentionConfig.Read(path);

        Assert.Equal(new SparsityCalibration(Math.Exp(-14.14), 36.64), calibration.Prefill);
        Assert.Null(calibration.Decode);
    }

    [Theory]
    [InlineData("{}", "no sparse_attention_config")]
    [InlineData("[]", "no JSON object")]
    [InlineData("{", "config.json")]
    [InlineData("""{"a": 1, "a": 2}""", "config.json")]
    [InlineData("""{"sparse_attention_config": {"config_groups": {"group_0": {"algorithm": "rocket"}}}}""", "no skip_softmax group")]
    [InlineData("""{"sparse_attention_config": {"threshold_scale_factor": {"formula": "a * exp(b * target_sparsity)"}}}""", "no coefficients")]
    [InlineData("""{"sparse_attention_config": {"threshold_scale_factor": {"formula": "a ** target_sparsity", "prefill": {"a": 1, "b": 1}}}}""", "a ** target_sparsity")]
    [InlineData("""{"sparse_attention_config": {"threshold_scale_factor": {"formula": "a * exp(b * target_sparsity)", "prefill": {"a": "1", "b": 1}}}}""", "a of prefill")]
    [InlineData("""{"sparse_attention_config": {"threshold_scale_factor": {"formula": "a * exp(b * target_sparsity)", "prefill": {"a": -1, "b": 1}}}}""", "a = -1")]
    public void Config_without_usable_coefficients_is_refused(string config, string reason)
    {
        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => SparseAttentionConfig.Read(files.Write("config.json", config)));

        Assert.Contains(reason, refusal.Message);
    }

    [Theory]
    [InlineData("{\r\n\t\"b\": 1.50,\t\"a\" : [ 1,2 ]  \r\n}\r\n")]
    [InlineData("{\"text\": \"caf\\u00e9 {}\"}")]
    [InlineData("{}")]
    [InlineData("\uFEFF{ \"a\": 1 }")]
    [InlineData("{\"before\": {\"sparse_attention_config\": 1}, \"sparse_attention_config\": {\"config_groups\": {}} ,\n  \"after\": 1e0}")]
    public void Written_config_keeps_every_other_byte(string config)
    {
        string path = files.At("config.json");
        File.WriteAllBytes(path, Encoding.UTF8.GetBytes(config));

        SparseAttentionConfig.Write(path, fitted, 0.5, null);

        string changed = Encoding.UTF8.GetString(File.ReadAllBytes(path));
        Assert.Equal(fitted, SparseAttentionConfig.Read(path));
        string value = JsonNode.Parse(changed.TrimStart('\uFEFF'))!["sparse_attention_config"]!.ToJsonString();
        string around = config.Replace("{\"config_groups\": {}}", "", StringComparison.Ordinal);
        Assert.Equal(1, changed.Split("\"threshold_scale_factor\"").Length - 1);
        // All of the old text is there, in its order, around what is new.
        int at = 0;
        foreach (char character in around)
        {
            at = changed.IndexOf(character, at) + 1;
            Assert.True(at > 0, $"'{character}' of {config} is gone: {changed}");
        }
        SparseAttentionConfig.Write(path, fitted, 0.5, null);
        Assert.Equal(changed, Encoding.UTF8.GetString(File.ReadAllBytes(path)));
        Assert.Contains("\"a\":100.25", value);
    }

    [Fact]
    public void Other_groups_ignored_layers_and_the_other_phase_stay()
    {
        string path = files.Write("config.json", """
            {"sparse_attention_config": {"config_groups": {
              "group_0": {"algorithm": "rocket", "x": 1},
              "group_1": {"algorithm": "skip_softmax", "ignore": ["layers.0"], "threshold_scale_factor": {"formula": "a * exp(b * target_sparsity)", "prefill": {"a": 1, "b": 2}, "decode": {"a": 3, "b": 4}}, "target_sparsity": {"prefill": 0.1, "decode": 0.2}}}}}
            """);

        SparseAttentionConfig.Write(path, fitted with { Decode = null }, 0.5, new DecisionShape(AttentionPhase.Prefill, TileOrder.SinkFirst, 64, 128));

        JsonNode config = JsonNode.Parse(File.ReadAllText(path))!["sparse_attention_config"]!;
        Assert.Equal("""{"algorithm":"rocket","x":1}""", config["config_groups"]!["group_0"]!.ToJsonString());
        JsonNode group = config["config_groups"]!["group_1"]!;
        Assert.Equal("""["layers.0"]""", group["ignore"]!.ToJsonString());
        Assert.Equal("""{"prefill":0.5,"decode":0.2}""", group["target_sparsity"]!.ToJsonString());
        Assert.Equal(new ModelCalibration(fitted.Prefill, new(3, 4)), SparseAttentionConfig.Read(path));
        Assert.Equal("SinkFirst", (string?)config["producer"]!["tile_order"]);
        Assert.Equal(2, config["config_groups"]!.AsObject().Count);
    }

    [Fact]
    public void File_that_is_no_json_is_left_as_it_is()
    {
        string path = files.Write("config.json", "{ not json");

        Assert.Throws<InvalidDataException>(() => SparseAttentionConfig.Write(path, fitted, 0.5, null));
        Assert.Equal("{ not json", File.ReadAllText(path));
    }
}
