#pragma once
#include "../ptx/types.cuh"
#include "elements.cuh"
#include "rows.cuh"
#include "segments.cuh"

// Combining what several CTAs have made of one (sequence, key/value head). Only a CTA's first and last segment can be
// parts of a head, so each CTA has two places for partial results: place 0 for its first segment, 1 for its last. The
// last CTA of a head to arrive adds the parts up in the order of the CTAs, whatever the order of their arrivals.

struct alignas(16) Float4 {
    float x, y, z, w;
};

// One part, in units of its own maximum.
struct Partial {
    float numerator[ROWS][HEAD_DIM];
    float maximum[ROWS];  // of q·k, before the scale
    float denominator[ROWS];
};

// A segment that is part of a head, to be combined at the CTA's end. `start` < 0: there is none.
struct OpenHead {
    int sequence;
    int head;
    int query_length;
    int start;  // the head's tile 0 in the list
    int tiles;
};

__device__ __forceinline__ Partial& partial_of(const DecodeArguments& arguments, int cta, int place) {
    return reinterpret_cast<Partial*>(arguments.partials)[2 * cta + place];
}

// Where the first CTA of a head has its part: in place 1 if it had tiles of an earlier head before. The others begin
// with theirs.
__device__ __forceinline__ int place_at_start(const Partition& partition, int cta, int head_start) {
    return partition.first_tile(cta) < head_start ? 1 : 0;
}

// Where a row of the group's lies: row = token · group + head in the group.
struct RowPlace {
    int token;
    int head;
};

__device__ __forceinline__ RowPlace place_of(int row, int group, int key_value_head) {
    int token = row / group;
    return {token, key_value_head * group + row - token * group};
}

__device__ __forceinline__ u8* output_of(const DecodeArguments& arguments, int sequence, RowPlace place) {
    return static_cast<u8*>(arguments.output) +
           2 * (sequence * arguments.output_batch_stride + place.token * arguments.output_row_stride +
                place.head * arguments.output_head_stride);
}

__device__ __forceinline__ void write_lse(const DecodeArguments& arguments, int sequence, RowPlace place, float maximum,
                                          float sum) {
    arguments.lse[(static_cast<long long>(sequence) * arguments.query_heads + place.head) * arguments.query_length +
                  place.token] = sum == 0.0f ? MINUS_INFINITY : log_sum_exp(maximum, sum, arguments.scale_log2);
}

// What a numerator in units of `maximum` is multiplied with to be in units of `common`, a maximum that is no smaller. A
// row without any key so far weighs nothing.
__device__ __forceinline__ float rescaling(float maximum, float common, float scale_log2) {
    float offset = common == MINUS_INFINITY ? 0.0f : common * scale_log2;
    return exp2_approximate(__fmaf_rn(maximum, scale_log2, -offset));
}

// The largest power of two that is no larger.
__device__ __forceinline__ constexpr int lanes_of_row(int lanes) {
    int power = 1;
    while (2 * power <= lanes && power < 32) {
        power *= 2;
    }
    return power;
}

// Writes a head's output from its parts. The whole CTA. `weights`: [parts + 1][ROWS] in shared memory.
template <int THREADS>
__device__ __forceinline__ void combine(const DecodeArguments& arguments, const Partition& partition,
                                        const OpenHead& open, float* weights) {
    int group = arguments.query_heads / arguments.key_value_heads;
    int rows = open.query_length * group;
    int first = partition.cta_of(open.start);
    int parts = partition.cta_of(open.start + open.tiles - 1) + 1 - first;
    int first_place = place_at_start(partition, first, open.start);
    auto part_at = [&](int part) -> const Partial& {
        return partial_of(arguments, first + part, part == 0 ? first_place : 0);
    };
    float* denominators = weights + parts * ROWS;
    // LANES neighbouring lanes for each row, which deal its parts out among themselves. Maxima and denominators of
    // several parts are asked for at a time: one trip to memory, not one for each.
    constexpr int LANES = lanes_of_row(THREADS / ROWS);
    constexpr int AT_A_TIME = 8;
    int lane = threadIdx.x % LANES;
    for (int first_row = 0; first_row < rows; first_row += THREADS / LANES) {
        int row = first_row + threadIdx.x / LANES;
        bool there = row < rows;
        float common = MINUS_INFINITY;
        float sum = 0.0f;
        for (int base = lane; base < parts; base += AT_A_TIME * LANES) {
            float maximum[AT_A_TIME];
            float denominator[AT_A_TIME];
#pragma unroll
            for (int i = 0; i < AT_A_TIME; ++i) {
                int part = base + i * LANES;
                bool read = there && part < parts;
                maximum[i] = read ? part_at(part).maximum[row] : MINUS_INFINITY;
                denominator[i] = read ? part_at(part).denominator[row] : 0.0f;
            }
            float before = common;
#pragma unroll
            for (int i = 0; i < AT_A_TIME; ++i) {
                common = max_with_nan(common, maximum[i]);
            }
            sum *= rescaling(before, common, arguments.scale_log2);
#pragma unroll
            for (int i = 0; i < AT_A_TIME; ++i) {
                sum = __fmaf_rn(denominator[i], rescaling(maximum[i], common, arguments.scale_log2), sum);
                if (there && base + i * LANES < parts) {
                    weights[(base + i * LANES) * ROWS + row] = maximum[i];  // of which this lane makes a weight below
                }
            }
        }
        float own = common;
#pragma unroll
        for (int distance = LANES / 2; distance > 0; distance /= 2) {
            common = max_with_nan(common, __shfl_xor_sync(0xFFFFFFFFu, common, distance));
        }
        sum *= rescaling(own, common, arguments.scale_log2);
#pragma unroll
        for (int distance = LANES / 2; distance > 0; distance /= 2) {
            sum += __shfl_xor_sync(0xFFFFFFFFu, sum, distance);
        }
        for (int part = lane; there && part < parts; part += LANES) {
            float& weight = weights[part * ROWS + row];
            weight = rescaling(weight, common, arguments.scale_log2);
        }
        if (there && lane == 0) {
            denominators[row] = sum;
            if (RETURN_LSE) {
                write_lse(arguments, open.sequence, place_of(row, group, open.head), common, sum);
            }
        }
    }
    __syncthreads();
    // Four columns a thread; several such chunks at a time, so that enough loads are under way.
    constexpr int CHUNKS = 4;
    constexpr int ROW_CHUNKS = HEAD_DIM / 4;
    constexpr int PARTS_AT_A_TIME = HEAD_DIM <= 128 ? 8 : 4;
    for (int base = threadIdx.x; base < rows * ROW_CHUNKS; base += CHUNKS * THREADS) {
        Float4 sum[CHUNKS] = {};
#pragma unroll PARTS_AT_A_TIME
        for (int part = 0; part < parts; ++part) {
            const Partial& partial = part_at(part);
#pragma unroll
            for (int c = 0; c < CHUNKS; ++c) {
                int chunk = min(base + c * THREADS, rows * ROW_CHUNKS - 1);
                const Float4& numerator = reinterpret_cast<const Float4*>(partial.numerator)[chunk];
                float weight = weights[part * ROWS + chunk / ROW_CHUNKS];
                sum[c].x = __fmaf_rn(numerator.x, weight, sum[c].x);
                sum[c].y = __fmaf_rn(numerator.y, weight, sum[c].y);
                sum[c].z = __fmaf_rn(numerator.z, weight, sum[c].z);
                sum[c].w = __fmaf_rn(numerator.w, weight, sum[c].w);
            }
        }
#pragma unroll
        for (int c = 0; c < CHUNKS; ++c) {
            int chunk = base + c * THREADS;
            if (chunk < rows * ROW_CHUNKS) {
                int row = chunk / ROW_CHUNKS;
                bool keyless = denominators[row] == 0.0f;  // zeros, also where V holds a NaN: 0 · NaN is none
                float inverse = 1.0f / denominators[row];
                u8* destination = output_of(arguments, open.sequence, place_of(row, group, open.head)) +
                                  8 * (chunk - row * ROW_CHUNKS);
                u32* words = reinterpret_cast<u32*>(destination);
                words[0] = keyless ? 0 : pack_elements<ELEMENT>(sum[c].x * inverse, sum[c].y * inverse);
                words[1] = keyless ? 0 : pack_elements<ELEMENT>(sum[c].z * inverse, sum[c].w * inverse);
            }
        }
    }
}
