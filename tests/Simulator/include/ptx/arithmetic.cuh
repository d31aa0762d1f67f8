#pragma once
#include "types.cuh"

__device__ __forceinline__ float exp2_approximate(float x) { return simulator::exp2_approximate(x); }

__device__ __forceinline__ float max_with_nan(float a, float b) {
    return a != a || b != b ? __builtin_nanf("") : (a > b ? a : b);
}

// Round to nearest even; what is too large becomes infinite. IEEE 754 binary16 by its bits, since C++20 has no such
// type.
inline u32 float16_bits(float value) {
    u32 bits = std::bit_cast<u32>(value);
    u32 sign = bits >> 16 & 0x8000;
    u32 magnitude = bits & 0x7FFFFFFF;
    if (magnitude > 0x7F800000) {
        return 0x7FFF;  // cvt's canonical NaN
    }
    if (magnitude >= 0x477FF000) {
        return sign | 0x7C00;
    }
    if (magnitude < 0x38800000) {  // subnormal: units of 2^-24; adding 0.5 rounds in float32's last place
        float shifted = std::bit_cast<float>(magnitude) + 0.5f;
        return sign | (std::bit_cast<u32>(shifted) - 0x3F000000);
    }
    u32 odd = magnitude >> 13 & 1;
    return sign | ((magnitude - 0x38000000 + 0xFFF + odd) >> 13);
}

inline u32 bfloat16_bits(float value) {
    u32 bits = std::bit_cast<u32>(value);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) {
        return 0x7FFF;
    }
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

__device__ __forceinline__ u32 pack_float16(float low, float high) {
    return float16_bits(low) | float16_bits(high) << 16;
}

__device__ __forceinline__ u32 pack_bfloat16(float low, float high) {
    return bfloat16_bits(low) | bfloat16_bits(high) << 16;
}
