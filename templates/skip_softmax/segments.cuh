#pragma once
#include "../ptx/warpgroup.cuh"
#include "decode_arguments.cuh"
#include "extents.cuh"

// How decode's work is shared out. The key tiles of all (sequence, key/value head) pairs, the heads, form one list, in
// order; each CTA has a share of it, all shares being about equal. What it has of one head is a segment. All of this
// follows from lengths and grid alone, so results are the same bits from run to run.

constexpr bool SKIPS = THRESHOLD != ThresholdMode::Off;

__device__ __forceinline__ int warp_sum(int value) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(0xFFFFFFFFu, value, distance);
    }
    return value;
}

__device__ __forceinline__ int key_length_of(const DecodeArguments& arguments, int sequence) {
    return arguments.key_lengths == nullptr ? arguments.key_length
                                            : clamp_length(arguments.key_lengths[sequence], arguments.key_length);
}

__device__ __forceinline__ int query_length_of(const DecodeArguments& arguments, int sequence) {
    return arguments.query_lengths == nullptr ? arguments.query_length
                                              : clamp_length(arguments.query_lengths[sequence], arguments.query_length);
}

// Tiles of one head of a sequence. An empty sequence counts as one tile that nobody reads: its output is written too.
__device__ __forceinline__ int tiles_of(const DecodeArguments& arguments, int sequence) {
    return max(ceiling_divide(key_length_of(arguments, sequence), KEY_BLOCK), 1);
}

// Where the CTAs' shares lie in the list. Runs of `run` tiles are cut into `pieces` pieces each, the first `longer` of
// them one tile longer than the others, and a CTA's share is `share` pieces in a row. A run is a head where all heads
// have the same length, so that few heads are cut by shares' ends; otherwise it is the whole list, a piece a CTA.
struct Partition {
    int ctas;  // that take part: none has an empty share
    int tiles;
    int run;
    int pieces;
    int share;
    int length;  // of a piece, at least
    int longer;

    __device__ __forceinline__ int first_tile(int cta) const {
        int piece = cta * share;
        int of_run = piece / pieces;
        piece -= of_run * pieces;
        return min(of_run * run + piece * length + min(piece, longer), tiles);
    }

    // The CTA whose share holds this tile.
    __device__ __forceinline__ int cta_of(int tile) const {
        int of_run = tile / run;
        tile -= of_run * run;
        int in_longer = longer * (length + 1);
        int piece = tile < in_longer ? tile / (length + 1) : longer + (tile - in_longer) / length;
        return (of_run * pieces + piece) / share;
    }
};

// Whole warps. Where all sequences have one length, nothing is read.
__device__ __forceinline__ Partition partition(const DecodeArguments& arguments) {
    int ctas = static_cast<int>(gridDim.x);
    int tiles = 0;
    int run = 0;
    int pieces = arguments.head_pieces;
    int share = arguments.cta_pieces;
    if (arguments.key_lengths == nullptr) {
        run = tiles_of(arguments, 0);
        tiles = arguments.batch * arguments.key_value_heads * run;
    } else {
        for (int sequence = threadIdx.x % 32; sequence < arguments.batch; sequence += 32) {
            tiles += tiles_of(arguments, sequence);
        }
        run = tiles = warp_sum(tiles) * arguments.key_value_heads;
        pieces = ctas = min(run, ctas);
        share = 1;
    }
    int length = run / pieces;
    return {ctas, tiles, run, pieces, share, length, run - length * pieces};
}

// A CTA's tiles of one sequence and key/value head.
struct Segment {
    int sequence;
    int head;
    int query_length;  // of the sequence
    int key_length;
    int tiles;  // of the head
    int start;  // the head's tile 0 in the list
    int first;  // tiles of this CTA: first … last − 1
    int last;

    __device__ __forceinline__ bool whole() const { return first == 0 && last == tiles; }

    __device__ __forceinline__ bool empty() const { return query_length == 0 || key_length == 0; }

    // Neither sink nor newest: those that may be skipped.
    __device__ __forceinline__ int rest_first() const { return max(first, 1); }

    __device__ __forceinline__ int rest_last() const { return max(rest_first(), min(last, tiles - 1)); }

    // Whether this CTA has tiles to be judged, and so must score sink and newest tile, be they its own or not.
    __device__ __forceinline__ bool needs_seeds() const { return SKIPS && !empty() && rest_last() > rest_first(); }

    __device__ __forceinline__ bool owns(int tile) const { return tile >= first && tile < last; }
};

// Where a warp stands in its CTA's segments. It lives in shared memory, a place for each warp, so that it costs no
// registers: lane 0 writes it, all lanes read it.
struct SegmentWalk {
    Segment segment;
    int end;  // of the CTA's share

    // Stands before the first segment. Whole warps, which then synchronize before they go on.
    __device__ __forceinline__ void begin(const DecodeArguments& arguments, const Partition& partition) {
        int first_tile = partition.first_tile(blockIdx.x);
        int heads = arguments.key_value_heads;
        int before = 0;  // tiles of the sequences before `sequence`
        int sequence = 0;
        if (arguments.key_lengths == nullptr) {
            int tiles = tiles_of(arguments, 0) * heads;
            sequence = first_tile / tiles;
            before = sequence * tiles;
        } else {
            while (true) {
                int lane_sequence = sequence + threadIdx.x % 32;
                int tiles = lane_sequence < arguments.batch ? tiles_of(arguments, lane_sequence) * heads : 0;
                int through = tiles;  // up to and with this lane's sequence
#pragma unroll
                for (int distance = 1; distance < 32; distance *= 2) {
                    int below = __shfl_up_sync(0xFFFFFFFFu, through, distance);
                    through += static_cast<int>(threadIdx.x % 32) >= distance ? below : 0;
                }
                int passed = __popc(warp_or(before + through <= first_tile ? 1u << threadIdx.x % 32 : 0));
                sequence += passed;
                if (passed < 32) {
                    before += __shfl_sync(0xFFFFFFFFu, through - tiles, passed);
                    break;
                }
                before += __shfl_sync(0xFFFFFFFFu, through, 31);
            }
        }
        Segment now;
        read_sequence(arguments, now, sequence);
        now.head = (first_tile - before) / now.tiles;
        now.start = before + now.head * now.tiles;
        now.first = now.last = first_tile - now.start;
        write(now);
        if (threadIdx.x % 32 == 0) {
            end = partition.first_tile(blockIdx.x + 1);
        }
    }

    // Whether the current segment is the CTA's last.
    __device__ __forceinline__ bool at_end() const { return segment.start + segment.last >= end; }

    // Goes to the next segment; false after the last. Whole warps.
    __device__ __forceinline__ bool next(const DecodeArguments& arguments) {
        if (at_end()) {
            return false;
        }
        Segment now = segment;
        now.first = now.last;
        if (now.last == now.tiles) {
            now.start += now.last;
            now.first = 0;
            if (++now.head == arguments.key_value_heads) {
                now.head = 0;
                read_sequence(arguments, now, now.sequence + 1);
            }
        }
        now.last = min(now.tiles, end - now.start);
        write(now);
        return true;
    }

  private:
    __device__ __forceinline__ static void read_sequence(const DecodeArguments& arguments, Segment& now, int sequence) {
        now.sequence = sequence;
        now.key_length = key_length_of(arguments, sequence);
        now.query_length = query_length_of(arguments, sequence);
        now.tiles = max(ceiling_divide(now.key_length, KEY_BLOCK), 1);
    }

    __device__ __forceinline__ void write(const Segment& now) {
        __syncwarp();  // everybody has read the one before
        if (threadIdx.x % 32 == 0) {
            segment = now;
        }
        __syncwarp();
    }
};

// A team's place in a TileList. What follows from the segment is kept in registers where there are some to spare, so
// that most of the way nothing is read of the segment.
constexpr bool LIMITS_IN_REGISTERS = HEAD_DIM <= 128;

struct TileCursor {
    int index;
    int end;   // TileList::end
    int rest;  // TileList::rest
};

// Order of a segment's tiles: the sink tile, the newest tile, the rest upwards, dealt out to the teams in turn. `index`
// counts them; those that are not there, since they are another CTA's and not needed as seeds, are passed over. Team 0,
// which still writes the segment before, is dealt last: nobody waits for its seeds.
struct TileList {
    const Segment& segment;

    __device__ __forceinline__ int end() const {
        return segment.empty() ? 0 : 2 + segment.rest_last() - segment.rest_first();
    }

    // What makes a tile of an index from 2 on.
    __device__ __forceinline__ int rest() const { return segment.rest_first() - 2; }

    // At a team's first tile.
    __device__ __forceinline__ TileCursor cursor(int team) const {
        return {at_or_after((team + TEAMS - 1) % TEAMS), end(), rest()};
    }

    __device__ __forceinline__ bool at_end(const TileCursor& cursor) const {
        return cursor.index >= (LIMITS_IN_REGISTERS ? cursor.end : end());
    }

    __device__ __forceinline__ int tile(const TileCursor& cursor) const {
        return cursor.index >= 2 ? tile_of_rest(cursor) : tile(cursor.index);
    }

    // The same from index 2 on.
    __device__ __forceinline__ int tile_of_rest(const TileCursor& cursor) const {
        return cursor.index + (LIMITS_IN_REGISTERS ? cursor.rest : rest());
    }

    // To the team's next tile.
    __device__ __forceinline__ void advance(TileCursor& cursor) const {
        cursor.index += TEAMS;
        if (TEAMS == 1 && cursor.index < 2) {
            cursor.index = at_or_after(cursor.index);
        }
    }

  private:
    // Of the first two.
    __device__ __forceinline__ int tile(int index) const { return index == 0 ? 0 : segment.tiles - 1; }

    // The first index of this team from `index` on, one of the team's, that is there; end() or more if there is none.
    __device__ __forceinline__ int at_or_after(int index) const {
        while (index < 2 && index < end()) {
            bool there = segment.needs_seeds() || segment.owns(tile(index));
            if (there && (index == 0 || segment.tiles > 1)) {
                break;
            }
            index += TEAMS;
        }
        return index;
    }
};
