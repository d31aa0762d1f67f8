#pragma once
#include "../ptx/arithmetic.cuh"

constexpr float LN_2 = 0.6931471805599453f;
constexpr float MINUS_INFINITY = __builtin_bit_cast(float, 0xFF800000u);

// Rows of an accumulator lie across quads: the four threads 4q … 4q + 3 of a warp hold one row's columns.

// Of every 8 columns of a tile a thread holds two of its row, then two of the row 8 further on. The largest it holds of
// each of the two; NaN if there is one.
template <int COLUMNS>
__device__ __forceinline__ void largest_of_thread(const float (&tile)[COLUMNS][4], float (&maxima)[2]) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        float largest[2];  // two chains, of even and odd columns
#pragma unroll
        for (int c = 0; c < 2; ++c) {
            largest[c] = tile[0][2 * i + c];
#pragma unroll
            for (int column = 1; column < COLUMNS; ++column) {
                largest[c] = max_with_nan(largest[c], tile[column][2 * i + c]);
            }
        }
        maxima[i] = max_with_nan(largest[0], largest[1]);
    }
}

// Maximum over the four threads that share a row.
__device__ __forceinline__ float row_maximum(float value) {
    value = max_with_nan(value, __shfl_xor_sync(0xFFFFFFFFu, value, 1));
    return max_with_nan(value, __shfl_xor_sync(0xFFFFFFFFu, value, 2));
}

// Natural logarithm of a row's denominator: `sum` in units of the maximum of q·k. Here and wherever a sum or a
// numerator is rescaled, what is fused is said: were it left to the compiler, variants would differ in their last bits.
__device__ __forceinline__ float log_sum_exp(float maximum, float sum, float scale_log2) {
    return __fmul_rn(__fmaf_rn(maximum, scale_log2, log2f(sum)), LN_2);
}

__device__ __forceinline__ float row_sum(float value) {
    value += __shfl_xor_sync(0xFFFFFFFFu, value, 1);
    return value + __shfl_xor_sync(0xFFFFFFFFu, value, 2);
}
