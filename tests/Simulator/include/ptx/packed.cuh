#pragma once
#include "types.cuh"

struct FloatPair {
    float low;
    float high;
};

__device__ __forceinline__ FloatPair pair_add(FloatPair a, FloatPair b) { return {a.low + b.low, a.high + b.high}; }

__device__ __forceinline__ FloatPair pair_multiply(FloatPair a, FloatPair b) {
    return {a.low * b.low, a.high * b.high};
}

__device__ __forceinline__ FloatPair pair_multiply_add(FloatPair a, FloatPair b, FloatPair c) {
    return {__builtin_fmaf(a.low, b.low, c.low), __builtin_fmaf(a.high, b.high, c.high)};
}

__device__ __forceinline__ float max3_with_nan(float a, float b, float c) {
    if (a != a || b != b || c != c) {
        return __builtin_nanf("");
    }
    float larger = a > b ? a : b;
    return larger > c ? larger : c;
}
