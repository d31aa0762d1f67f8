#pragma once
#include "../ptx/warpgroup.cuh"
#include "arguments.cuh"
#include "extents.cuh"

constexpr int UNITS = KEY_TILE / KEY_BLOCK;  // decisions across one product tile; unit u holds keys u·KEY_BLOCK …
constexpr u32 ALL_UNITS = (1u << UNITS) - 1;
static_assert(KEY_TILE % KEY_BLOCK == 0, "a product tile holds whole decisions");

// One CTA's unit of work: QUERY_TILE rows of one query head.
struct WorkTile {
    int flat_head;  // sequence · query_heads + head
    int sequence;
    int head;
    int key_value_head;
    int first_row;
    int query_length;  // of this sequence
    int key_length;

    // Position of key 0 against query row 0 under the bottom-right aligned causal mask: row r sees keys up to r +
    // causal_shift().
    __device__ __forceinline__ int causal_shift() const { return key_length - query_length; }

    // Keys that rows first … first + rows − 1 may see: none past the sequence, none past the last valid row's diagonal.
    __device__ __forceinline__ int visible_keys(int first, int rows) const {
        int valid_rows = min(query_length - first, rows);
        if (valid_rows <= 0) {
            return 0;
        }
        return MASK == AttentionMask::Causal ? clamp_length(first + valid_rows + causal_shift(), key_length)
                                             : key_length;
    }
};

// Tiles of the whole launch.
__device__ __forceinline__ int count_work_tiles(const PrefillArguments& arguments) {
    return ceiling_divide(arguments.query_length, QUERY_TILE) * arguments.batch * arguments.query_heads;
}

// Order of work: sections of heads whose K and V fit L2 together; in a section the last query rows first, since under a
// causal mask those take longest, and all heads of the section before the next rows.
__device__ __forceinline__ WorkTile find_work_tile(const PrefillArguments& arguments, int index) {
    int query_tiles = ceiling_divide(arguments.query_length, QUERY_TILE);
    int group = arguments.query_heads / arguments.key_value_heads;
    int section_heads = arguments.section_heads * group;
    int section = index / (section_heads * query_tiles);
    int within = index - section * section_heads * query_tiles;
    int heads = min(section_heads, arguments.batch * arguments.query_heads - section * section_heads);
    WorkTile tile;
    tile.flat_head = section * section_heads + within % heads;
    tile.sequence = tile.flat_head / arguments.query_heads;
    tile.head = tile.flat_head - tile.sequence * arguments.query_heads;
    tile.key_value_head = tile.head / group;
    tile.first_row = (query_tiles - 1 - within / heads) * QUERY_TILE;
    tile.query_length =
        arguments.query_lengths == nullptr
            ? arguments.query_length
            : clamp_length(warp_uniform(arguments.query_lengths[tile.sequence]), arguments.query_length);
    tile.key_length = arguments.key_lengths == nullptr
                          ? arguments.key_length
                          : clamp_length(warp_uniform(arguments.key_lengths[tile.sequence]), arguments.key_length);
    return tile;
}

// One step of the walk over a work tile's keys: a product tile and which of its units are due now.
struct KeyStep {
    int tile;
    u32 units;
};

// The declared order. Sink first takes unit 0 alone, then the tiles downwards, and what is left of tile 0 last, so that
// decisions fall in exactly the declared order although a product tile holds several.
struct KeyWalk {
    int tiles;
    int steps;

    __device__ __forceinline__ explicit KeyWalk(int visible_keys)
        : tiles(ceiling_divide(visible_keys, KEY_TILE)), steps(tiles) {
        if (ORDER == TileOrder::SinkFirst && UNITS > 1 && visible_keys > KEY_BLOCK) {
            ++steps;
        }
    }

    // Steps over whole tiles of which every key lies below `whole_tiles` tiles: from steps_before_whole() to below
    // steps_till_whole().
    __device__ __forceinline__ int steps_before_whole(int whole_tiles) const {
        return ORDER == TileOrder::Ascending ? 0 : tiles - whole_tiles + (ORDER == TileOrder::SinkFirst ? 1 : 0);
    }

    __device__ __forceinline__ int steps_till_whole(int whole_tiles) const {
        return ORDER == TileOrder::Ascending ? whole_tiles : tiles;
    }

    __device__ __forceinline__ KeyStep step(int index) const {
        if constexpr (ORDER == TileOrder::Ascending) {
            return {index, ALL_UNITS};
        } else if constexpr (ORDER == TileOrder::Descending) {
            return {tiles - 1 - index, ALL_UNITS};
        } else if constexpr (UNITS == 1) {
            return {index == 0 ? 0 : tiles - index, ALL_UNITS};
        } else {
            if (index == 0) {
                return {0, 1u};
            }
            return index < tiles ? KeyStep{tiles - index, ALL_UNITS} : KeyStep{0, ALL_UNITS & ~1u};
        }
    }
};

// The unit of a product tile that is decided n-th.
__device__ __forceinline__ constexpr int unit_in_order(int n) {
    return ORDER == TileOrder::Ascending ? n : (n < UNITS ? UNITS - 1 - n : 0);
}

// Which of a product tile's units hold a key below `visible_keys`.
__device__ __forceinline__ u32 units_below(int tile, int visible_keys) {
    u32 units = 0;
#pragma unroll
    for (int unit = 0; unit < UNITS; ++unit) {
        units |= visible_keys > tile * KEY_TILE + unit * KEY_BLOCK ? 1u << unit : 0;
    }
    return units;
}
