#pragma once
#include "types.cuh"

// 2^x, relative error below 2^-22; 2^-inf is 0, NaN stays NaN, results under 2^-126 are 0. PTX ISA 9.7.3.21.
__device__ __forceinline__ float exp2_approximate(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// The larger of two; NaN where either is NaN. PTX ISA 9.7.3.12.
__device__ __forceinline__ float max_with_nan(float a, float b) {
    float larger;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(a), "f"(b));
    return larger;
}

// Two numbers rounded to nearest even, `low` in the lower half. PTX ISA 9.7.9.22.
__device__ __forceinline__ u32 pack_float16(float low, float high) {
    u32 packed;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

__device__ __forceinline__ u32 pack_bfloat16(float low, float high) {
    u32 packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}
