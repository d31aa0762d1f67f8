using System.Text;

namespace SkipSoftmax.Generator.Emission;

/// <summary>Indented text with LF line ends on every platform.</summary>
internal sealed class SourceWriter
{
    private readonly StringBuilder _text = new();
    private int _depth;

    public void WriteLine(string line = "") => _text.Append(' ', line.Length > 0 ? 4 * _depth : 0).Append(line).Append('\n');

    public void OpenBlock(string header)
    {
        WriteLine(header);
        WriteLine("{");
        _depth++;
    }

    public void CloseBlock(string suffix = "")
    {
        _depth--;
        WriteLine("}" + suffix);
    }

    public void CloseAllBlocks()
    {
        while (_depth > 0)
        {
            CloseBlock();
        }
    }

    public override string ToString() => _text.ToString();
}
