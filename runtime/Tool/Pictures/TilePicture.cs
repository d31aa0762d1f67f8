using StbImageWriteSharp;

namespace SkipSoftmax.Pictures;

/// <summary>A picture of decisions: a panel for each head, layers below each other; in a panel query tiles run down, key tiles right.</summary>
public sealed class TilePicture
{
    private const int TilePixels = 5;
    private const int Margin = 16;

    private readonly int panelWidth;
    private readonly int panelHeight;
    private readonly int width;
    private readonly int height;
    private readonly byte[] pixels;

    /// <summary>Makes an empty picture of <paramref name="rows"/> × <paramref name="columns"/> panels.</summary>
    public TilePicture(int rows, int columns, int queryBlocks, int keyBlocks)
    {
        panelWidth = keyBlocks * TilePixels;
        panelHeight = queryBlocks * TilePixels;
        width = (columns * (panelWidth + Margin)) + Margin;
        height = (rows * (panelHeight + Margin)) + Margin;
        pixels = new byte[width * height * 3];
        pixels.AsSpan().Fill(0xFF);
    }

    /// <summary>Draws one head's decisions <c>[query blocks, key blocks]</c>.</summary>
    public void Draw(int row, int column, ReadOnlySpan<TileDecision> decisions)
    {
        int left = Margin + (column * (panelWidth + Margin));
        int top = Margin + (row * (panelHeight + Margin));
        for (int y = 0; y < panelHeight; y++)
        {
            for (int x = 0; x < panelWidth; x++)
            {
                TileDecision decision = decisions[(y / TilePixels * (panelWidth / TilePixels)) + (x / TilePixels)];
                ColorOf(decision).CopyTo(pixels.AsSpan((((top + y) * width) + left + x) * 3));
            }
        }
    }

    /// <summary>Writes a PNG.</summary>
    public void Save(string path)
    {
        using FileStream stream = File.Create(path);
        new ImageWriter().WritePng(pixels, width, height, ColorComponents.RedGreenBlue, stream);
    }

    private static ReadOnlySpan<byte> ColorOf(TileDecision decision) => decision switch
    {
        TileDecision.Kept => [0x1B, 0x4F, 0x8F],
        TileDecision.Skipped => [0xF5, 0xA6, 0x3D],
        _ => [0xE8, 0xEA, 0xED],
    };
}
