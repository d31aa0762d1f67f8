#pragma once
#include "../ptx/global.cuh"
#include "../ptx/warpgroup.cuh"
#include "segments.cuh"
#include "shares.cuh"

// Combining what several CTAs have made of one (sequence, key/value head). Only a CTA's first and last segment can be
// parts of a head, so each CTA has two places for parts in global memory: place 0 for its first segment, 1 for its last
// if that is another one.
//
// The CTAs whose last segment is a part of the head share its output out among themselves, in slices; each adds its
// slices of all parts up, in the order of the CTAs. Every number of a part lies beside the launch's number, in one word
// of 64 bits, so that who reads it sees whether it is there: no fence, no flag and no second trip.
//
// A CTA waits for those only that have begun: they leave their parts whatever others do. Otherwise CTAs that wait could
// keep the multiprocessors from those that they wait for, where two launches share a device. If somebody is still
// missing, a CTA gives a slice up, in the word that counts arrivals. Who arrives last finds it there and takes it over.

// That a team asks for before it uses the first.
constexpr int PARTS_AT_ONCE = 9;
// To read all of what is awaited; then a word of each part is asked for, with pauses.
constexpr int EAGER_ATTEMPTS = 16;

// A slice: some columns of every lane's first row (even slices) or second row (odd slices).
constexpr int SLICE_COLUMNS = OUTPUT_COLUMNS > 16 ? OUTPUT_COLUMNS / 16 : 1;
constexpr int SLICES = 2 * OUTPUT_COLUMNS / SLICE_COLUMNS;
static_assert(SLICES <= 32, "a bit for each");

using SlicePiece = Piece<SLICE_COLUMNS, 1>;

// All words are written and read as a whole; the upper half is the launch's number.
struct PartOfWarp {
    FlaggedFloats numerator[OUTPUT_COLUMNS][2][32];  // [column][row / 8][lane]: two neighbouring elements
    FlaggedFloats rows[2][8];  // [row / 8][row % 8]: maximum of q·k, before the scale; denominator
};

struct Part {
    PartOfWarp warps[ROWS / 16];
};

// The number of this launch among those that used the workspace: 2 … 2³² − 1, even and odd by turns. One thread of each
// CTA that takes part must ask.
__device__ __forceinline__ u32 number_of_launch(const DecodeArguments& arguments, int ctas) {
    constexpr u32 LAST = 0xFFFFFFFDu;
    u64 before = atomicAdd(arguments.meetings, u64(1));
    u32 launch = static_cast<u32>(before >> 32);
    if (static_cast<u32>(before) == static_cast<u32>(ctas - 1)) {
        u64 launches = launch == LAST ? 3 : 1;  // back to 0
        atomicAdd(arguments.meetings, (launches << 32) - static_cast<u64>(ctas));
    }
    return launch + 2;
}

// A launch's arrivals lie in one of two sets of words, which its number says. This CTA's share of the other set is
// zeroed here for the next launch. One thread.
__device__ __forceinline__ void clear_next_meetings(const DecodeArguments& arguments, u32 launch, int ctas) {
    u64* next = arguments.meetings + 1 + (launch + 1) % 2 * arguments.meeting_words;
    for (int i = static_cast<int>(blockIdx.x); i < arguments.meeting_words; i += ctas) {
        next[i] = 0;
    }
}

// A CTA's view of a head that it has a part of.
struct OpenHead {
    int first_cta;
    int first_place;
    int count;   // of parts
    int takers;  // CTAs that share the slices out: the first of them
    int index;   // of the CTA's part

    __device__ __forceinline__ static OpenHead of(const Partition& shares, const Segment& segment) {
        int end = segment.start + segment.tiles;
        int first_cta = shares.cta_of(segment.start);
        int count = shares.cta_of(end - 1) + 1 - first_cta;
        int first_place = shares.first_tile(first_cta) < segment.start ? 1 : 0;
        bool goes_on = shares.first_tile(first_cta + count) > end;  // the last of them, with other heads
        return {first_cta, first_place, count, count - (goes_on ? 1 : 0), static_cast<int>(blockIdx.x) - first_cta};
    }

    __device__ __forceinline__ int place(int part) const {
        return 2 * (first_cta + part) + (part == 0 ? first_place : 0);
    }

    __device__ __forceinline__ PartOfWarp& part(const DecodeArguments& arguments, int part, int member) const {
        return reinterpret_cast<Part*>(arguments.partials)[place(part)].warps[member];
    }

    // Lower half: arrivals. Upper half: slices given up.
    __device__ __forceinline__ u64* meeting(const DecodeArguments& arguments, u32 launch) const {
        return arguments.meetings + 1 + launch % 2 * arguments.meeting_words + place(0);
    }

    // The CTA's slices of the output, a bit for each.
    __device__ __forceinline__ u32 slices() const {
        u32 slices = 0;
        for (int slice = index; slice < SLICES; slice += takers) {
            slices |= 1u << slice;
        }
        return slices;
    }

    // One thread: from now on this CTA waits for nobody until it has left its part. Returns the slices that it must
    // take over: none unless it is the last to arrive.
    __device__ __forceinline__ u32 arrive(const DecodeArguments& arguments, u32 launch) const {
        u64 before = atomicAdd(meeting(arguments, launch), u64(1));
        return static_cast<u32>(before) == static_cast<u32>(count - 1) ? static_cast<u32>(before >> 32) : 0;
    }

    // One thread: whether a slice is given up to the last to arrive. Not so if all have arrived.
    __device__ __forceinline__ bool give_up(const DecodeArguments& arguments, u32 launch, int slice) const {
        u64 before = atomicAdd(meeting(arguments, launch), u64(1) << (32 + slice));
        return static_cast<u32>(before) != static_cast<u32>(count);
    }
};

// Leaves some columns of a warp's part, and with column 0 its rows.
template <int COLUMNS>
__device__ __forceinline__ void write_part(PartOfWarp& part, const float (&maximum)[2], const float (&sum)[2],
                                           const float (&numerator)[COLUMNS][4], int column, int lane, u32 launch) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
        for (int j = 0; j < COLUMNS; ++j) {
            store_flagged(&part.numerator[column + j][i][lane], numerator[j][2 * i], numerator[j][2 * i + 1], launch);
        }
        if (column == 0 && lane % 4 == 0) {
            store_flagged(&part.rows[i][lane / 4], maximum[i], sum[i], launch);
        }
    }
}

// A slice of a warp's part, as it may be there or not.
struct SliceWords {
    SlicePiece piece;
    u32 flags[1 + SLICE_COLUMNS][2];

    __device__ __forceinline__ void read(const PartOfWarp& part, int slice, int lane) {
        load_flagged(&part.rows[slice % 2][lane / 4], piece.maximum[0], piece.sum[0], flags[SLICE_COLUMNS]);
#pragma unroll
        for (int i = 0; i < SLICE_COLUMNS; ++i) {
            load_flagged(&part.numerator[slice / 2 * SLICE_COLUMNS + i][slice % 2][lane], piece.numerator[i][0],
                         piece.numerator[i][1], flags[i]);
        }
    }

    __device__ __forceinline__ bool are_of(u32 launch) const {
        bool all = true;
#pragma unroll
        for (int i = 0; i <= SLICE_COLUMNS; ++i) {
            all &= flags[i][0] == launch & flags[i][1] == launch;
        }
        return all;
    }
};

// What a warp takes of an open head: parts `first`, `first` + `apart`, …, for its own rows.
struct Gathering {
    const DecodeArguments& arguments;
    const OpenHead& head;
    int member;
    int first;
    int apart;
    u32 launch;

    // Whether each part has been begun to be written; the same for all lanes.
    __device__ __forceinline__ bool begun(int lane) const {
        bool there = true;
        for (int part = first + lane * apart; part < head.count; part += 32 * apart) {
            float maximum;
            float sum;
            u32 flags[2];
            load_flagged(&head.part(arguments, part, member).rows[0][0], maximum, sum, flags);
            there = there && flags[0] == launch;
        }
        return warp_all(there);
    }

    // Adds a slice of the parts up; false if some of it is not there. All of a round's loads are under way before the
    // first is looked at, and all are looked at before the first is used: else they would be waited for one by one.
    __device__ __forceinline__ bool add_up(SlicePiece& total, int slice, int lane) const {
        total = {{MINUS_INFINITY}, {}, {}};
#pragma unroll 1
        for (int next = first; next < head.count; next += PARTS_AT_ONCE * apart) {
            SliceWords words[PARTS_AT_ONCE];
            bool there = true;
#pragma unroll
            for (int i = 0; i < PARTS_AT_ONCE; ++i) {
                words[i].read(head.part(arguments, min(next + i * apart, head.count - 1), member), slice, lane);
            }
#pragma unroll
            for (int i = 0; i < PARTS_AT_ONCE; ++i) {
                there &= words[i].are_of(launch);
            }
            if (!warp_all(there)) {
                return false;
            }
            SlicePiece pieces[1 + PARTS_AT_ONCE];
            pieces[0] = total;
#pragma unroll
            for (int i = 0; i < PARTS_AT_ONCE; ++i) {
                pieces[1 + i] = words[i].piece;
                if (next + i * apart >= head.count) {
                    pieces[1 + i] = {{MINUS_INFINITY}, {}, {}};
                }
            }
            total = merge(pieces, arguments.scale_log2);
        }
        return true;
    }
};
