namespace SkipSoftmax;

/// <summary>
/// What a decode kernel found wrong in lengths or block tables that lie in device memory, where the host cannot check them. A kernel never reads
/// out of bounds for them; the output of the sequences they belong to has no meaning.
/// </summary>
[Flags]
public enum DecodeStatus : uint
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A key length is negative, or past what the tensors or the block table hold; it was taken as the nearest that is neither.</summary>
    KeyLengthOutOfRange = 1,

    /// <summary>A block-table entry that a sequence's length uses is no page of the pool; nothing was read for it.</summary>
    PageOutOfRange = 2,

    /// <summary>A query length is negative, or past the query tensor; it was taken as the nearest that is neither.</summary>
    QueryLengthOutOfRange = 4,
}
