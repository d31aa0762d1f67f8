#pragma once
#include "../ptx/warpgroup.cuh"
#include "online_softmax.cuh"

constexpr bool SKIPS = THRESHOLD != ThresholdMode::Off;

// log2 λ of a sequence; −∞ where nothing is to be skipped (λ = 0, or a λ in memory that is NaN or negative).
__device__ __forceinline__ float log2_threshold(const PrefillArguments& arguments, const WorkTile& tile) {
    if constexpr (THRESHOLD == ThresholdMode::PerSequence) {
        float threshold = arguments.thresholds[tile.sequence];
        return threshold > 0.0f ? log2f(threshold) : MINUS_INFINITY;
    } else if constexpr (THRESHOLD == ThresholdMode::ContextScaled || THRESHOLD == ThresholdMode::TargetSparsity) {
        return arguments.log2_threshold - log2f(static_cast<float>(tile.key_length));
    } else {
        return arguments.log2_threshold;
    }
}

// Whether this thread's part of a unit is negligible: for both rows, the unit's largest logit lies below the running
// maximum by more than the threshold. The floor under a running maximum of −∞ makes a row without any key agree and a
// row with its first key object; a NaN objects, and so does everything at a threshold of −∞.
__device__ __forceinline__ bool unit_is_negligible(const float (&maxima)[2], const float (&running)[2],
                                                   float scale_log2, float log2_lambda) {
    constexpr float FLOOR = -1e30f;
    return maxima[0] * scale_log2 < fmaxf(running[0] * scale_log2, FLOOR) + log2_lambda &&
           maxima[1] * scale_log2 < fmaxf(running[1] * scale_log2, FLOOR) + log2_lambda;
}

// What a warp objects to, as bits that are ored over all warps that decide together. Whether the second unit of a step
// is negligible depends on whether the first one is kept, so both answers are given and one vote serves the step.
static_assert(UNITS <= 2, "one vote decides at most two units");
constexpr u32 OBJECTS_FIRST = 1;              // to skipping the unit that is decided first
constexpr u32 OBJECTS_SECOND_AFTER_KEEP = 2;  // to skipping the second, if the first is kept
constexpr u32 OBJECTS_SECOND_AFTER_SKIP = 4;  // to skipping the second, if the first is skipped

// The units that these objections keep.
__device__ __forceinline__ u32 kept_units(u32 objections) {
    u32 kept = objections & OBJECTS_FIRST ? 1u << unit_in_order(0) : 0;
    if (UNITS > 1 &&
        (objections & (objections & OBJECTS_FIRST ? OBJECTS_SECOND_AFTER_KEEP : OBJECTS_SECOND_AFTER_SKIP))) {
        kept |= 1u << unit_in_order(UNITS - 1);
    }
    return kept;
}
