using System.Text;

namespace Benchmarks;

/// <summary>An ONNX model of one <c>com.microsoft.MultiHeadAttention</c> node, written as protobuf (onnx.proto3, field numbers in the calls).</summary>
internal static class OnnxModel
{
    private const int ElementFloat = 1;
    private const int AttributeInt = 2;

    /// <summary>The model's bytes: inputs query, key, value and output, each <c>[batch, tokens, heads · head_dim]</c> of float.</summary>
    public static byte[] MultiHeadAttention(int batch, int tokens, int heads, int headDim, bool causal)
    {
        string[] inputs = ["query", "key", "value"];
        var node = new Message();
        foreach (string input in inputs)
        {
            node.Text(1, input);
        }
        node.Text(2, "output").Text(4, "MultiHeadAttention").Nested(5, Attribute("num_heads", heads))
            .Nested(5, Attribute("unidirectional", causal ? 1 : 0)).Text(7, "com.microsoft");
        var graph = new Message().Nested(1, node).Text(2, "attention");
        foreach (string input in inputs)
        {
            graph.Nested(11, Tensor(input, batch, tokens, heads * headDim));
        }
        graph.Nested(12, Tensor("output", batch, tokens, heads * headDim));
        return new Message().Number(1, 8).Nested(7, graph)
            .Nested(8, new Message().Text(1, "").Number(2, 17))
            .Nested(8, new Message().Text(1, "com.microsoft").Number(2, 1)).ToArray();
    }

    private static Message Attribute(string name, long value) => new Message().Text(1, name).Number(3, value).Number(20, AttributeInt);

    private static Message Tensor(string name, params ReadOnlySpan<int> extents)
    {
        var shape = new Message();
        foreach (int extent in extents)
        {
            shape.Nested(1, new Message().Number(1, extent));
        }
        return new Message().Text(1, name).Nested(2, new Message().Nested(1, new Message().Number(1, ElementFloat).Nested(2, shape)));
    }

    /// <summary>A protobuf message under construction: varint and length-delimited fields.</summary>
    private sealed class Message
    {
        private readonly List<byte> bytes = [];

        public Message Number(int field, long value)
        {
            Varint((ulong)field << 3);
            Varint((ulong)value);
            return this;
        }

        public Message Text(int field, string value) => Delimited(field, Encoding.UTF8.GetBytes(value));

        public Message Nested(int field, Message value) => Delimited(field, value.bytes.ToArray());

        public byte[] ToArray() => bytes.ToArray();

        private Message Delimited(int field, byte[] value)
        {
            Varint(((ulong)field << 3) | 2);
            Varint((ulong)value.Length);
            bytes.AddRange(value);
            return this;
        }

        private void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
            {
                bytes.Add((byte)(value | 0x80));
            }
            bytes.Add((byte)value);
        }
    }
}
