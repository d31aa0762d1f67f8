#pragma once
#include "types.cuh"

__device__ __forceinline__ float with_exponent(float mantissa, u32 exponent) {
    return simulator::with_exponent(mantissa, exponent);
}
