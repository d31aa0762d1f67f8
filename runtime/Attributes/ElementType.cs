namespace SkipSoftmax;

/// <summary>Element type of query, key, value and output. Logits, softmax and accumulation are always float32.</summary>
public enum ElementType
{
    /// <summary>IEEE 754 binary16 (<see cref="System.Half"/>).</summary>
    Float16 = 0,

    /// <summary>bfloat16: the upper 16 bits of a float32.</summary>
    BFloat16 = 1,

    /// <summary>IEEE 754 binary32 (<see cref="float"/>): CPU path only.</summary>
    Float32 = 2,
}
