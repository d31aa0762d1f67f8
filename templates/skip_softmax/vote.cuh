#pragma once
#include "../ptx/warpgroup.cuh"
#include "rows.cuh"
#include "work.cuh"

constexpr bool SKIPS = THRESHOLD != ThresholdMode::Off;
constexpr int DECIDING_GROUPS = QUERY_TILE / QUERY_BLOCK;
constexpr int DECIDING_WARPS = QUERY_BLOCK / (QUERY_BOX / 4);  // of a group: four warps share a box of query rows
static_assert(QUERY_BLOCK == 64 || QUERY_BLOCK == 128);

// log2 λ of a sequence. Nothing is below −∞ (λ = 0) or NaN (a λ in memory that is NaN or negative): nothing is skipped.
__device__ __forceinline__ float log2_threshold(const PrefillArguments& arguments, const WorkTile& tile) {
    if constexpr (THRESHOLD == ThresholdMode::PerSequence) {
        return log2f(arguments.thresholds[tile.sequence]);
    } else if constexpr (THRESHOLD == ThresholdMode::ContextScaled || THRESHOLD == ThresholdMode::TargetSparsity) {
        return arguments.log2_threshold - log2f(static_cast<float>(tile.key_length));
    } else {
        return arguments.log2_threshold;
    }
}

// Below which a row's logits, times scale_log2, are negligible: its running maximum less what λ allows. The floor under
// a running maximum of −∞ makes a row without any key agree to skipping and a row with its first key object; a NaN
// objects, and so does everything where log2 λ is −∞ or NaN.
__device__ __forceinline__ float negligible_below(float running, float scale_log2, float log2_lambda) {
    constexpr float FLOOR = -1e30f;
    return fmaxf(running * scale_log2, FLOOR) + log2_lambda;
}

// Whether this thread's part of a unit is negligible, for each of its rows.
template <int ROWS>
__device__ __forceinline__ bool unit_is_negligible(const float (&maxima)[ROWS], const float (&limits)[ROWS],
                                                   float scale_log2) {
    bool negligible = true;
#pragma unroll
    for (int i = 0; i < ROWS; ++i) {
        negligible &= maxima[i] * scale_log2 < limits[i];
    }
    return negligible;
}

// What a warp objects to, as bits that are ored over all warps that decide together. Whether the second unit of a step
// is negligible depends on whether the first one is kept, so both answers are given and one vote serves the step.
static_assert(UNITS <= 2, "one vote decides at most two units");
constexpr u32 OBJECTS_FIRST = 1;              // to skipping the unit that is decided first
constexpr u32 OBJECTS_SECOND_AFTER_KEEP = 2;  // to skipping the second, if the first is kept
constexpr u32 OBJECTS_SECOND_AFTER_SKIP = 4;  // to skipping the second, if the first is skipped

// Bits of this thread, and those that settle the step whatever the others say: one objection to each unit that is due.
struct Objections {
    u32 raised;
    u32 decisive;
};

// What this thread's rows object to. `unit_maximum`: their largest logits in each unit of the step; `running`: their
// true running maxima before it; `limits`: what is negligible_below them, −∞ where nothing has been kept yet.
template <int ROWS>
__device__ __forceinline__ Objections object_to_skipping(const float (&unit_maximum)[UNITS][ROWS],
                                                         const float (&running)[ROWS], const float (&limits)[ROWS],
                                                         u32 due, float scale_log2, float log2_lambda) {
    auto objects = [&](int unit) {
        return (due >> unit & 1 & static_cast<u32>(!unit_is_negligible(unit_maximum[unit], limits, scale_log2))) != 0;
    };
    constexpr int FIRST = unit_in_order(0);
    Objections objections;
    objections.raised = objects(FIRST) ? OBJECTS_FIRST : 0;
    objections.decisive = due >> FIRST & 1 ? OBJECTS_FIRST : 0;
    if constexpr (UNITS > 1) {
        constexpr int SECOND = unit_in_order(1);
        objections.raised |= objects(SECOND) ? OBJECTS_SECOND_AFTER_SKIP : 0;
        float after_first[ROWS];
#pragma unroll
        for (int i = 0; i < ROWS; ++i) {
            after_first[i] =
                negligible_below(max_with_nan(running[i], unit_maximum[FIRST][i]), scale_log2, log2_lambda);
        }
        if ((due >> SECOND & 1) && !unit_is_negligible(unit_maximum[SECOND], after_first, scale_log2)) {
            objections.raised |= OBJECTS_SECOND_AFTER_KEEP;
        }
        if (due >> SECOND & 1) {
            objections.decisive |= due >> FIRST & 1 ? OBJECTS_SECOND_AFTER_KEEP : OBJECTS_SECOND_AFTER_SKIP;
        }
    }
    return objections;
}

// The objections of all threads of a warp, known to be uniform.
__device__ __forceinline__ u32 objections_of_warp(u32 objections) {
    if constexpr (UNITS == 1) {
        return warp_any(objections != 0) ? OBJECTS_FIRST : 0;
    } else {
        return warp_or(objections);
    }
}

// The objections of all that decide together, once they have voted. Every thread reads them all.
template <int VOTERS>
__device__ __forceinline__ u32 objections_of_group(const u32 (&objections)[VOTERS]) {
    u32 all = 0;
#pragma unroll
    for (int voter = 0; voter < VOTERS; ++voter) {
        all |= objections[voter];
    }
    return all;
}

// The units that these objections keep.
__device__ __forceinline__ u32 kept_units(u32 objections) {
    u32 kept = objections & OBJECTS_FIRST ? 1u << unit_in_order(0) : 0;
    if (UNITS > 1 &&
        (objections & (objections & OBJECTS_FIRST ? OBJECTS_SECOND_AFTER_KEEP : OBJECTS_SECOND_AFTER_SKIP))) {
        kept |= 1u << unit_in_order(UNITS - 1);
    }
    return kept;
}
