#pragma once
#include "elements.cuh"
#include "rows.cuh"
#include "work.cuh"

// A thread's share of 64 rows × KEY_TILE logits, laid out as wgmma's accumulators: rows `row` and `row + 8` of the
// thread, i = 0 and 1.
constexpr int LOGITS = KEY_TILE / 2;
constexpr int UNIT_LOGITS = KEY_BLOCK / 2;

// A thread's two rows. Numerators and denominators are relative to a reference that need not be the running maximum,
// since floating point has the same precision everywhere: a reference stays until a weight grows too large
// (LARGEST_SUM).
struct RowState {
    float maximum[2];  // running maximum of the kept units, in units of q·k: what the skip rule compares with
    float offset[2];   // reference, times scale_log2; UNREFERENCED before the first key
    float sum[2];      // this thread's share of the denominator
};

// As a reference, makes weights of logits above −∞ too large and those of −∞ zero.
constexpr float UNREFERENCED = -0x1.fffffep127f;

// The largest sum of a thread's weights in one product tile. Above it a reference is taken anew: float16 can't hold the
// weights, and with bfloat16 a row's sums and numerators come within reach of float32's end.
constexpr float LARGEST_SUM = ELEMENT == ElementType::Float16 ? 0x1p15f : 0x1p60f;

// 2^−growth for growth = 0 … 126, and 0 for 127.
__device__ __forceinline__ float inverse_power_of_two(u32 growth) {
    return __builtin_bit_cast(float, (127 - growth) << 23);
}

// Largest logits of this thread in one unit, for each of its rows; NaN if there is one.
__device__ __forceinline__ void unit_maxima(const float (&logits)[LOGITS], int unit, float (&maxima)[2]) {
    largest_of_thread(*reinterpret_cast<const float(*)[UNIT_LOGITS / 4][4]>(&logits[unit * UNIT_LOGITS]), maxima);
}

// The same, but 0 where none is above it. As integers, floats that aren't negative lie as they do as floats, with NaN
// above all (products make the positive one); and of integers SM90 has a maximum of three (VIMNMX3).
__device__ __forceinline__ void unit_maxima_above_zero(const float (&logits)[LOGITS], int unit, float (&maxima)[2]) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const float* row = &logits[unit * UNIT_LOGITS + 2 * i];
        int largest[2] = {0, __builtin_bit_cast(int, row[0])};
#pragma unroll
        for (int k = 1; k < UNIT_LOGITS / 2; ++k) {  // two chains, in each two at a time
            int& chain = largest[(k - 1) / 2 % 2];
            chain = max(chain, __builtin_bit_cast(int, row[k / 2 * 4 + k % 2]));
        }
        maxima[i] = __builtin_bit_cast(float, max(largest[0], largest[1]));
    }
}

// Hides the logits of keys past `limit[i]`, the last key that row i of this thread may see. `first_column`: key of
// logits[0].
__device__ __forceinline__ void mask_logits(float (&logits)[LOGITS], int first_column, const int (&limit)[2]) {
#pragma unroll
    for (int j = 0; j < LOGITS / 4; ++j) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
#pragma unroll
            for (int c = 0; c < 2; ++c) {
                if (first_column + 8 * j + c > limit[i]) {
                    logits[4 * j + 2 * i + c] = MINUS_INFINITY;
                }
            }
        }
    }
}

// Turns one unit's logits into softmax weights exp2(scale_log2 · s − offset) in place and adds them to the sums: two of
// each row, of even and odd columns, so that no addition waits for the one before.
__device__ __forceinline__ void exponentiate_unit(float (&logits)[LOGITS], int unit, float scale_log2,
                                                  const float (&offset)[2], float (&sums)[2][2]) {
#pragma unroll
    for (int j = 0; j < UNIT_LOGITS / 4; ++j) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            float(&pair)[2] = *reinterpret_cast<float(*)[2]>(&logits[unit * UNIT_LOGITS + 4 * j + 2 * i]);
            pair[0] = exp2_approximate(__fmaf_rn(pair[0], scale_log2, -offset[i]));
            pair[1] = exp2_approximate(__fmaf_rn(pair[1], scale_log2, -offset[i]));
            sums[i][0] += pair[0];
            sums[i][1] += pair[1];
        }
    }
}
