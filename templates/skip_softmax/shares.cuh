#pragma once
#include "../ptx/types.cuh"
#include "elements.cuh"
#include "rows.cuh"
#include "segments.cuh"

// What has been made of some tiles of one head, for 16 of its query rows, as the lanes of a warp hold it: lane l has of
// every 8 columns those of two accumulator registers, for row l / 4 and for row l / 4 + 8. In shared memory it lies in
// that form too, so that it is read and written in whole lines.

constexpr int OUTPUT_COLUMNS = HEAD_DIM / 8;  // of 8 elements: products across a head's vector

struct Share {
    float numerator[OUTPUT_COLUMNS][4][32];
    float maximum[2][32];  // of q·k, before the scale
    float sum[2][32];      // each lane's part of the denominator
};

// Columns that a warp merges at a time: the teams share them out among themselves, and what is asked for at once fits
// the registers.
constexpr int TEAM_COLUMNS = OUTPUT_COLUMNS / TEAMS;
constexpr int MERGED_COLUMNS = TEAM_COLUMNS >= 4 ? 4 : TEAM_COLUMNS >= 2 ? 2 : 1;
static_assert(OUTPUT_COLUMNS % MERGED_COLUMNS == 0);

// One lane's piece of a share, or of several: some columns of both of its rows, or of one.
template <int COLUMNS, int LANE_ROWS = 2>
struct Piece {
    float maximum[LANE_ROWS];
    float sum[LANE_ROWS];
    float numerator[COLUMNS][2 * LANE_ROWS];
};

__device__ __forceinline__ Piece<MERGED_COLUMNS> read_piece(const Share& share, int column, int lane) {
    Piece<MERGED_COLUMNS> piece;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        piece.maximum[i] = share.maximum[i][lane];
        piece.sum[i] = share.sum[i][lane];
    }
#pragma unroll
    for (int i = 0; i < MERGED_COLUMNS; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            piece.numerator[i][j] = share.numerator[column + i][j][lane];
        }
    }
    return piece;
}

__device__ __forceinline__ void write_share(Share& share, const float (&maximum)[2], const float (&sum)[2],
                                            const float (&numerator)[OUTPUT_COLUMNS][4], int lane) {
#pragma unroll
    for (int i = 0; i < OUTPUT_COLUMNS; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            share.numerator[i][j][lane] = numerator[i][j];
        }
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        share.maximum[i][lane] = maximum[i];
        share.sum[i][lane] = sum[i];
    }
}

// What a numerator in units of `maximum` is multiplied with to be in units of `common`, a maximum that is no smaller. A
// row without any key so far weighs nothing.
__device__ __forceinline__ float rescaling(float maximum, float common, float scale_log2) {
    float offset = common == MINUS_INFINITY ? 0.0f : common * scale_log2;
    return exp2_approximate(__fmaf_rn(maximum, scale_log2, -offset));
}

// Adds pieces up, in their order.
template <int COUNT, int COLUMNS, int LANE_ROWS>
__device__ __forceinline__ Piece<COLUMNS, LANE_ROWS> merge(const Piece<COLUMNS, LANE_ROWS> (&pieces)[COUNT],
                                                           float scale_log2) {
    Piece<COLUMNS, LANE_ROWS> merged = {};
#pragma unroll
    for (int row = 0; row < LANE_ROWS; ++row) {
        float common = pieces[0].maximum[row];
#pragma unroll
        for (int i = 1; i < COUNT; ++i) {
            common = max_with_nan(common, pieces[i].maximum[row]);
        }
        merged.maximum[row] = common;
#pragma unroll
        for (int i = 0; i < COUNT; ++i) {
            float weight = rescaling(pieces[i].maximum[row], common, scale_log2);
            merged.sum[row] = __fmaf_rn(pieces[i].sum[row], weight, merged.sum[row]);
#pragma unroll
            for (int column = 0; column < COLUMNS; ++column) {
#pragma unroll
                for (int j = 2 * row; j < 2 * row + 2; ++j) {
                    merged.numerator[column][j] =
                        __fmaf_rn(pieces[i].numerator[column][j], weight, merged.numerator[column][j]);
                }
            }
        }
    }
    return merged;
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

// Writes the output of a lane's two rows among 16 · member …, or of one of them, some columns of it, and with column 0
// their LSE. `sum`: the rows' denominators.
template <int COLUMNS, int LANE_ROWS>
__device__ __forceinline__ void write_output(const DecodeArguments& arguments, const Segment& segment, int member,
                                             const float (&maximum)[LANE_ROWS], const float (&sum)[LANE_ROWS],
                                             const float (&numerator)[COLUMNS][2 * LANE_ROWS], int column,
                                             int lane_row = 0) {
    int lane = static_cast<int>(threadIdx.x) % 32;
    int group = arguments.query_heads / arguments.key_value_heads;
#pragma unroll
    for (int i = 0; i < LANE_ROWS; ++i) {
        RowPlace place = place_of(16 * member + lane / 4 + 8 * (lane_row + i), group, segment.head);
        if (place.token >= segment.query_length) {
            continue;
        }
        bool keyless = sum[i] == 0.0f;  // zeros, also where V holds a NaN: 0 · NaN is none
        float inverse = 1.0f / sum[i];
        u8* head = static_cast<u8*>(arguments.output) +
                   2 * (segment.sequence * arguments.output_batch_stride + place.token * arguments.output_row_stride +
                        place.head * arguments.output_head_stride);
        u32* words = reinterpret_cast<u32*>(head) + 4 * column + lane % 4;
#pragma unroll
        for (int j = 0; j < COLUMNS; ++j) {
            words[4 * j] =
                keyless ? 0 : pack_elements<ELEMENT>(numerator[j][2 * i] * inverse, numerator[j][2 * i + 1] * inverse);
        }
        if (RETURN_LSE && column == 0 && lane % 4 == 0) {
            arguments.lse[(static_cast<long long>(segment.sequence) * arguments.query_heads + place.head) *
                              arguments.query_length +
                          place.token] =
                keyless ? MINUS_INFINITY : log_sum_exp(maximum[i], sum[i], arguments.scale_log2);
        }
    }
}
