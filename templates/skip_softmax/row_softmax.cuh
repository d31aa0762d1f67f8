#pragma once
#include "../ptx/packed.cuh"
#include "elements.cuh"
#include "rows.cuh"
#include "work.cuh"

// Online softmax where a thread holds a whole row of logits. The row's denominator and numerators are in units of
// exp2(scale · reference), where the reference follows the running maximum only when that has grown by more than
// LARGEST_RISE: what is left out of a weight is the same factor in denominator and numerators, so their ratio stays.

// In log2 units: weights stay below 2^8, which float16 and bfloat16 hold as exactly as those below 1.
constexpr float LARGEST_RISE = 8.0f;

struct RowState {
    float maximum;    // m, true running maximum of q·k, before the scale
    float reference;  // what weights are relative to: m, or a maximum before it
    FloatPair sum;    // l, of even and of odd keys

    __device__ __forceinline__ void reset() {
        maximum = reference = MINUS_INFINITY;
        sum = {0.0f, 0.0f};
    }

    // Goes on to a maximum that includes the keys to come. Returns what the numerators must be multiplied with: mostly
    // 1. A row that has had no key has none.
    __device__ __forceinline__ float raise(float new_maximum, float scale_log2) {
        maximum = new_maximum;
        // Both products rounded, as the weights so far were taken with the rounded one. A NaN rises.
        float rise = __fmul_rn(maximum, scale_log2) - __fmul_rn(reference, scale_log2);
        float factor = exp2_approximate(-rise);
        bool stays = rise <= LARGEST_RISE;
        factor = stays || reference == MINUS_INFINITY ? 1.0f : factor;
        reference = stays ? reference : maximum;
        sum = {__fmul_rn(sum.low, factor), __fmul_rn(sum.high, factor)};
        return factor;
    }
};

// Largest logit of KEYS keys; NaN if there is one.
template <int KEYS>
__device__ __forceinline__ float largest_logit(const float* logits) {
    float largest = logits[0];
    float other = logits[1];  // two chains, half as long
#pragma unroll
    for (int j = 2; j < KEYS; j += 4) {
        largest = max3_with_nan(largest, logits[j], logits[j + 1]);
        if (j + 2 < KEYS) {
            other = max3_with_nan(other, logits[j + 2], logits[j + 3]);
        }
    }
    return max_with_nan(largest, other);
}

// Turns KEYS logits into packed softmax weights exp2(scale_log2 · (s − reference)) and adds them to the row's sum.
template <int KEYS>
__device__ __forceinline__ void exponentiate(const float* logits, u32* weights, float scale_log2, RowState& row) {
    // A row without any key so far: any finite offset gives weights of exp2(−∞) = 0.
    float offset = row.reference == MINUS_INFINITY ? 0.0f : -__fmul_rn(row.reference, scale_log2);
#pragma unroll
    for (int j = 0; j < KEYS; j += 2) {
        FloatPair pair = pair_multiply_add({logits[j], logits[j + 1]}, {scale_log2, scale_log2}, {offset, offset});
        pair = {exp2_approximate(pair.low), exp2_approximate(pair.high)};
        row.sum = pair_add(row.sum, pair);
        weights[j / 2] = pack_elements<ELEMENT>(pair.low, pair.high);
    }
}
