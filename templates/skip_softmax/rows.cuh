#pragma once
#include "../ptx/arithmetic.cuh"

constexpr float LN_2 = 0.6931471805599453f;
constexpr float MINUS_INFINITY = __builtin_bit_cast(float, 0xFF800000u);

// Rows of an accumulator lie across quads: the four threads 4q … 4q + 3 of a warp hold one row's columns.

// Maximum over the four threads that share a row.
__device__ __forceinline__ float row_maximum(float value) {
    value = max_with_nan(value, __shfl_xor_sync(0xFFFFFFFFu, value, 1));
    return max_with_nan(value, __shfl_xor_sync(0xFFFFFFFFu, value, 2));
}

__device__ __forceinline__ float row_sum(float value) {
    value += __shfl_xor_sync(0xFFFFFFFFu, value, 1);
    return value + __shfl_xor_sync(0xFFFFFFFFu, value, 2);
}
