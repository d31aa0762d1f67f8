using System.Buffers.Binary;
using System.Security.Cryptography;

namespace SkipSoftmax.Caching;

/// <summary>
/// An entry's bytes: magic (8, with the format's version), key hash (32), payload length (8, little-endian), SHA-256 of all of that and
/// the payload (32), payload. So a byte changed anywhere, a wrong key and a cut file are all seen.
/// </summary>
internal static class KernelCacheEntry
{
    public const string Extension = ".kernel";

    private const int KeyOffset = 8, LengthOffset = KeyOffset + SHA256.HashSizeInBytes, DigestOffset = LengthOffset + sizeof(long);
    private const int HeaderBytes = DigestOffset + SHA256.HashSizeInBytes;

    public static ReadOnlySpan<byte> Magic => "SSGKRNL1"u8;

    public static byte[] Encode(KernelKey key, ReadOnlySpan<byte> payload)
    {
        var entry = new byte[HeaderBytes + payload.Length];
        Magic.CopyTo(entry);
        key.Hash.Span.CopyTo(entry.AsSpan(KeyOffset));
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(LengthOffset), payload.Length);
        payload.CopyTo(entry.AsSpan(HeaderBytes));
        Digest(entry).CopyTo(entry.AsSpan(DigestOffset));
        return entry;
    }

    /// <summary>The payload, or null for anything but a whole, unchanged entry of this key.</summary>
    public static byte[]? Decode(KernelKey key, ReadOnlySpan<byte> entry) =>
        entry.Length > HeaderBytes
        && entry[..KeyOffset].SequenceEqual(Magic)
        && entry[KeyOffset..LengthOffset].SequenceEqual(key.Hash.Span)
        && BinaryPrimitives.ReadInt64LittleEndian(entry[LengthOffset..]) == entry.Length - HeaderBytes
        && entry[DigestOffset..HeaderBytes].SequenceEqual(Digest(entry))
            ? entry[HeaderBytes..].ToArray()
            : null;

    private static byte[] Digest(ReadOnlySpan<byte> entry)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(entry[..DigestOffset]);
        hash.AppendData(entry[HeaderBytes..]);
        return hash.GetHashAndReset();
    }
}
