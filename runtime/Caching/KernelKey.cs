using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace SkipSoftmax.Caching;

/// <summary>What a compiled kernel depends on: its text, the options and the compiler's version; SHA-256 over all of them.</summary>
internal sealed record KernelKey
{
    private KernelKey(string textHash, Version compiler)
    {
        TextHash = textHash;
        Compiler = compiler;
        Hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{textHash} nvrtc {compiler}"));
    }

    /// <summary>SHA-256 of entry format, options and text in hexadecimal: what stays the same from one compiler to the next.</summary>
    public string TextHash { get; }

    public Version Compiler { get; }

    /// <summary>SHA-256 of everything the image depends on.</summary>
    public ReadOnlyMemory<byte> Hash { get; }

    public string FileName => $"{TextHash}.nvrtc-{Compiler}{KernelCacheEntry.Extension}";

    public static KernelKey Of(ReadOnlySpan<byte> text, ReadOnlySpan<string> options, Version compiler) => new(HashText(text, options), compiler);

    /// <summary>The key of an entry another compiler version may have written; null where the name is none of ours.</summary>
    public static KernelKey? OfFile(string textHash, string fileName)
    {
        string prefix = $"{textHash}.nvrtc-";
        return fileName.StartsWith(prefix, StringComparison.Ordinal) && fileName.EndsWith(KernelCacheEntry.Extension, StringComparison.Ordinal)
            && Version.TryParse(fileName.AsSpan()[prefix.Length..^KernelCacheEntry.Extension.Length], out Version? compiler)
            ? new(textHash, compiler)
            : null;
    }

    public static string HashText(ReadOnlySpan<byte> text, ReadOnlySpan<string> options)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(KernelCacheEntry.Magic);
        foreach (string option in options)
        {
            Append(hash, Encoding.UTF8.GetBytes(option));
        }
        Append(hash, text);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public bool Equals(KernelKey? other) => other is not null && TextHash == other.TextHash && Compiler == other.Compiler;

    public override int GetHashCode() => HashCode.Combine(TextHash, Compiler);

    /// <summary>With its length, so that no two lists of parts run together into the same bytes.</summary>
    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> part)
    {
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, part.Length);
        hash.AppendData(length);
        hash.AppendData(part);
    }
}
