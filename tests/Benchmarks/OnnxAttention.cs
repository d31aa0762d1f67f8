using Microsoft.ML.OnnxRuntime;

namespace Benchmarks;

/// <summary>The peer: ONNX Runtime's CPU <c>MultiHeadAttention</c> on buffers bound once, so that a run copies nothing.</summary>
internal sealed class OnnxAttention : IDisposable
{
    private static readonly string[] InputNames = ["query", "key", "value"];
    private static readonly string[] OutputNames = ["output"];

    private readonly InferenceSession session;
    private readonly RunOptions options = new();
    private readonly OrtValue[] inputs;
    private readonly OrtValue[] outputs;

    public OnnxAttention(AttentionWorkload workload, bool causal, int threads)
    {
        using var settings = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1 };
        session = new(OnnxModel.MultiHeadAttention(1, workload.Tokens, workload.Heads, workload.HeadDim, causal), settings);
        long[] shape = [1, workload.Tokens, workload.Heads * workload.HeadDim];
        Output = new float[workload.Query.Length];
        inputs = [Bind(workload.Query), Bind(workload.Key), Bind(workload.Value)];
        outputs = [Bind(Output)];

        OrtValue Bind(float[] values) => OrtValue.CreateTensorValueFromMemory(values, shape);
    }

    /// <summary>What the last run wrote, <c>[1, tokens, heads, head_dim]</c>.</summary>
    public float[] Output { get; }

    public void Run() => session.Run(options, InputNames, inputs, OutputNames, outputs);

    public void Dispose()
    {
        foreach (OrtValue value in inputs.Concat(outputs))
        {
            value.Dispose();
        }
        options.Dispose();
        session.Dispose();
    }
}
