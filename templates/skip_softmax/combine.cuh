#pragma once
#include "../ptx/global.cuh"
#include "segments.cuh"
#include "shares.cuh"

// Combining what several CTAs have made of one (sequence, key/value head). Only a CTA's first and last segment can be
// parts of a head, so each CTA has two places for parts in global memory: place 0 for its first segment, 1 for its last
// if that is another one.
//
// The parts of a head are merged in a tree, PARTS_AT_ONCE neighbouring ones at a time, by the last CTA of these to
// arrive; what it makes of them is a part of the next level and takes the place of the first. Sums go by the order of
// the CTAs, whatever the order of their arrivals.

constexpr int PARTS_AT_ONCE = 8;

// One level's rows may still be read by other warps while the next level's are written, so levels use two by turns;
// numerators are read and written by the same lanes.
struct PartOfWarp {
    ShareNumerator numerator;
    ShareRows rows[2];
};

struct Part {
    PartOfWarp warps[ROWS / 16];
};

// A CTA's view of a head that it has a part of.
struct OpenHead {
    int first_cta;
    int first_place;
    int count;  // of parts, at the present level
    int index;  // of the CTA's part
    int level;
    int apart;  // CTAs between neighbouring parts of the level

    __device__ __forceinline__ static OpenHead of(const Partition& shares, const Segment& segment) {
        int first_cta = shares.cta_of(segment.start);
        int last_cta = shares.cta_of(segment.start + segment.tiles - 1);
        int first_place = shares.first_tile(first_cta) < segment.start ? 1 : 0;
        return {first_cta, first_place, last_cta + 1 - first_cta, static_cast<int>(blockIdx.x) - first_cta, 0, 1};
    }

    // The first of the parts that are merged with the CTA's, and how many these are.
    __device__ __forceinline__ int group() const { return index / PARTS_AT_ONCE * PARTS_AT_ONCE; }

    __device__ __forceinline__ int members() const { return min(count - group(), PARTS_AT_ONCE); }

    __device__ __forceinline__ bool is_top() const { return count <= PARTS_AT_ONCE; }

    __device__ __forceinline__ int place(int part) const {
        return 2 * (first_cta + part * apart) + (part == 0 ? first_place : 0);
    }

    __device__ __forceinline__ Part& part(const DecodeArguments& arguments, int part) const {
        return reinterpret_cast<Part*>(arguments.partials)[place(part)];
    }

    // Counts the group's arrivals: zero before a launch, and set to zero again by the last to arrive.
    __device__ __forceinline__ u32* arrivals(const DecodeArguments& arguments) const {
        return &arguments.arrivals[2 * static_cast<int>(gridDim.x) * level + place(group())];
    }

    // Goes to the next level, with the group's sum.
    __device__ __forceinline__ void climb() {
        index /= PARTS_AT_ONCE;
        count = ceiling_divide(count, PARTS_AT_ONCE);
        apart *= PARTS_AT_ONCE;
        ++level;
    }
};

// One thread, which knows of all that was written of the part: arrives at the part's group. Whether all others had;
// whoever synchronizes with the thread may then read their parts.
__device__ __forceinline__ bool arrive(const DecodeArguments& arguments, const OpenHead& head) {
    u32* arrivals = head.arrivals(arguments);
    fence_global();
    bool last = atomicAdd(arrivals, 1u) == static_cast<u32>(head.members() - 1);
    if (last) {
        fence_global();
        *arrivals = 0;  // for the next launch
    }
    return last;
}

// Merges a head's parts as far as this CTA is the last to arrive. The whole CTA, after a barrier behind what was
// written of its part; each team takes some of the columns. `settled`: it has arrived, and was the last.
__device__ __forceinline__ void combine(const DecodeArguments& arguments, const Segment& segment, OpenHead head,
                                        int team, int member, bool settled, u32* is_last) {
    int lane = static_cast<int>(threadIdx.x) % 32;
    while (true) {
        if (!settled && head.members() > 1) {
            if (threadIdx.x == 0) {
                *is_last = arrive(arguments, head);
            }
            __syncthreads();
            if (*is_last == 0) {
                return;
            }
        }
        settled = false;
#pragma unroll 1
        for (int column = team * MERGED_COLUMNS; column < OUTPUT_COLUMNS; column += TEAMS * MERGED_COLUMNS) {
            Piece sum = merge<PARTS_AT_ONCE>(head.members(), arguments.scale_log2, [&](int i) {
                const PartOfWarp& part = head.part(arguments, head.group() + i).warps[member];
                return read_piece(part.numerator, part.rows[head.level % 2], column, lane);
            });
            if (head.is_top()) {
                write_output(arguments, segment, member, sum.maximum, sum.sum, sum.numerator, column);
            } else {
                PartOfWarp& part = head.part(arguments, head.group()).warps[member];
                write_numerator(part.numerator, sum.numerator, column, lane);
                if (column == 0) {
                    write_rows(part.rows[(head.level + 1) % 2], sum.maximum, sum.sum, lane);
                }
            }
        }
        if (head.is_top()) {
            return;
        }
        head.climb();
        __syncthreads();
    }
}
