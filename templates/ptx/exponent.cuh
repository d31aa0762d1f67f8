#pragma once
#include "types.cuh"

// mantissa · 2^exponent, by the bits of both; only the last nine of the exponent matter.
__device__ __forceinline__ float with_exponent(float mantissa, u32 exponent) {
    return __builtin_bit_cast(float, __builtin_bit_cast(u32, mantissa) + (exponent << 23));
}
