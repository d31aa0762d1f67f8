#pragma once
#include "../ptx/tma.cuh"
#include "../ptx/warpgroup.cuh"
#include "vote.cuh"
#include "work.cuh"

// The two warps of a prefill kernel that feed the others: one hands out work tiles and loads Q and K, the other loads V
// where a vote keeps it. `Shared` is the kernel's shared memory: rings query, key and value, and the barriers named in
// the kernel's own table of who signals what.

constexpr int QUERY_BOXES = QUERY_TILE / QUERY_BOX;
constexpr int PANELS = HEAD_DIM / 64;  // a panel: 64 elements, 128 bytes, the width of the swizzle
constexpr int ROW_BYTES = 128;         // of a panel
constexpr int QUERY_BYTES = PANELS * QUERY_BOX * ROW_BYTES;  // of one box
constexpr int KEY_BYTES = PANELS * KEY_TILE * ROW_BYTES;     // of one stage
constexpr int UNIT_BYTES = PANELS * KEY_BLOCK * ROW_BYTES;   // V of one unit
constexpr int VALUE_BARRIERS = SKIPS ? UNITS : 1;            // the dense kernel waits for whole V tiles
// Consumers vote on a step only when V of two steps before is there, or known to be wanted by nobody: with three stages
// and more, a vote's words are not written again, and its next phase does not complete, before all lanes of the V warp
// are done with it.
constexpr int VOTE_STAGES = VALUE_STAGES > 2 ? VALUE_STAGES : 4;
static_assert(HEAD_DIM % 64 == 0);

// A position in a ring of STAGES buffers: counts passes through all of them.
template <int STAGES>
struct Ring {
    u32 count = 0;

    __device__ __forceinline__ u32 stage() const { return count % STAGES; }

    __device__ __forceinline__ u32 parity() const { return count / STAGES & 1; }

    __device__ __forceinline__ void advance() { ++count; }
};

// Follows the work tiles that the Q/K warp hands out. The current one stays in shared memory until it is done.
template <class Shared>
struct WorkFeed {
    Shared& shared;
    Ring<2> ring;

    // Waits for the next work tile; false after the last.
    __device__ __forceinline__ bool next() {
        mbarrier_wait(&shared.next_full[ring.stage()], ring.parity());
        return warp_uniform(current().flat_head) >= 0;
    }

    __device__ __forceinline__ const WorkTile& current() const { return shared.work[ring.stage()]; }

    __device__ __forceinline__ void done() {
        __syncwarp();  // every lane has read it
        if (threadIdx.x % 32 == 0) {
            mbarrier_arrive(&shared.next_empty[ring.stage()]);
        }
        ring.advance();
    }
};

// A warp waits for a stage to be empty together: its leader alone lets the ring go on, and a lane that was left behind
// could come so late that the barrier is two phases ahead, where the parity means another phase.
__device__ __forceinline__ void wait_empty(Mbarrier* barrier, u32 parity) {
    mbarrier_wait(barrier, parity ^ 1);
    __syncwarp();
}

// One warp: loads Q of a work tile.
template <class Shared>
__device__ __forceinline__ void load_query(Shared& shared, const TensorMap* query_map, const WorkTile& tile,
                                           u32 parity) {
    wait_empty(&shared.query_empty, parity);
    if (threadIdx.x % 32 == 0) {
        mbarrier_arrive_expect_bytes(&shared.query_full, QUERY_BOXES * QUERY_BYTES);
#pragma unroll 1
        for (int box = 0; box < QUERY_BOXES; ++box) {
            tma_load_5d(shared.query[box], query_map, &shared.query_full, 0, tile.first_row + QUERY_BOX * box, 0,
                        tile.head, tile.sequence);
        }
    }
}

// One warp: hands out work tiles and loads their Q and K.
template <class Shared>
__device__ __forceinline__ void produce_query_and_key(Shared& shared, const PrefillArguments& arguments,
                                                      const TensorMap* query_map, const TensorMap* key_map) {
    u32 query_parity = 0;
    Ring<KEY_STAGES> key_ring;
    Ring<2> next_ring;
    bool leader = threadIdx.x % 32 == 0;
    int work_tiles = count_work_tiles(arguments);
    int index = blockIdx.x;
    while (true) {
        WorkTile tile;
        tile.flat_head = -1;  // the end
        if (index < work_tiles) {
            tile = find_work_tile(arguments, index);
        }
        wait_empty(&shared.next_empty[next_ring.stage()], next_ring.parity());
        if (leader) {
            shared.work[next_ring.stage()] = tile;
            mbarrier_arrive(&shared.next_full[next_ring.stage()]);
        }
        next_ring.advance();
        if (index >= work_tiles) {
            break;
        }
        KeyWalk walk(tile.visible_keys(tile.first_row, QUERY_TILE));
#pragma unroll 1
        for (int s = 0; s < walk.steps; ++s) {
            Mbarrier* full = &shared.key_full[key_ring.stage()];
            wait_empty(&shared.key_empty[key_ring.stage()], key_ring.parity());
            if (leader) {
                mbarrier_arrive_expect_bytes(full, KEY_BYTES);
                tma_load_5d(shared.key[key_ring.stage()], key_map, full, 0, walk.step(s).tile * KEY_TILE, 0,
                            tile.key_value_head, tile.sequence);
            }
            key_ring.advance();
            if (s == 0) {  // after the first K tile, which need not wait for the previous work tile to end
                load_query(shared, query_map, tile, query_parity);
            }
        }
        if (walk.steps == 0) {
            load_query(shared, query_map, tile, query_parity);  // so that its barriers' phases count work tiles
        }
        query_parity ^= 1;
        // Taken late, since how long a tile takes depends on what is skipped. A launch takes as many tickets as it has
        // tiles: one for each tile beyond the first wave, and each CTA that had a tile one that is none any more.
        if (leader) {
            int ticket = static_cast<int>(atomicAdd(arguments.scheduler, 1u));
            if (ticket == work_tiles - 1) {  // the last one
                *arguments.scheduler = 0;
            }
            index = gridDim.x + ticket;
        }
        index = warp_uniform(index);
    }
}

// At which a unit of V in this stage arrives.
template <class Shared>
__device__ __forceinline__ Mbarrier* value_full(Shared& shared, int stage, int unit) {
    return &shared.value_full[stage][VALUE_BARRIERS > 1 ? unit : 0];
}

// Loads one unit of V; it arrives at `barrier`. One thread.
template <class Shared>
__device__ __forceinline__ void load_value_unit(Shared& shared, const TensorMap* value_map, const WorkTile& tile,
                                                int key_tile, int unit, int stage, Mbarrier* barrier) {
    mbarrier_arrive_expect_bytes(barrier, UNIT_BYTES);
    tma_load_5d(shared.value[stage][unit], value_map, barrier, 0, key_tile * KEY_TILE + unit * KEY_BLOCK, 0,
                tile.key_value_head, tile.sequence);
}

// One warp: loads units of V of a product tile and arrives at `full` for each. Rows past the sequence's end that lie
// inside the tensor may hold anything, NaN too, and a weight of 0 does not silence that: where there are any (not
// `whole`), they are zeroed, through the generic proxy, between the unit's landing and the arrival.
template <class Shared>
__device__ __forceinline__ void load_value(Shared& shared, const TensorMap* value_map, const WorkTile& tile,
                                           int key_tile, u32 units, bool whole, int stage, u32& landed_parity) {
    bool leader = threadIdx.x % 32 == 0;
    if (whole) {
#pragma unroll
        for (int n = 0; n < UNITS; ++n) {
            int unit = unit_in_order(n);
            if (leader && (units >> unit & 1)) {
                load_value_unit(shared, value_map, tile, key_tile, unit, stage, value_full(shared, stage, unit));
            }
        }
        return;
    }
#pragma unroll 1
    for (int n = 0; n < UNITS; ++n) {
        int unit = unit_in_order(n);
        if ((units >> unit & 1) == 0) {
            continue;
        }
        if (leader) {
            load_value_unit(shared, value_map, tile, key_tile, unit, stage, &shared.value_landed);
        }
        mbarrier_wait(&shared.value_landed, landed_parity);
        landed_parity ^= 1;
        int valid = clamp_length(tile.key_length - key_tile * KEY_TILE - unit * KEY_BLOCK, KEY_BLOCK);
#pragma unroll 1
        for (int panel = 0; panel < PANELS; ++panel) {
            u32* rows = reinterpret_cast<u32*>(shared.value[stage][unit] + (panel * KEY_BLOCK + valid) * ROW_BYTES);
#pragma unroll 1
            for (int word = threadIdx.x % 32; word < (KEY_BLOCK - valid) * ROW_BYTES / 4; word += 32) {
                rows[word] = 0;
            }
        }
        fence_proxy_async_shared();
        __syncwarp();
        if (leader) {
            mbarrier_arrive(value_full(shared, stage, unit));
        }
    }
}

// One warp: loads V; where tiles may be skipped, each unit only when the first consumer has voted to keep it.
template <class Shared>
__device__ __forceinline__ void produce_value(Shared& shared, const PrefillArguments& arguments,
                                              const TensorMap* value_map) {
    Ring<VALUE_STAGES> ring;
    Ring<VOTE_STAGES> vote_ring;
    WorkFeed<Shared> feed{shared};
    u32 landed_parity = 0;
    bool leader = threadIdx.x % 32 == 0;
    for (; feed.next(); feed.done()) {
        WorkTile tile = feed.current();
        KeyWalk walk(warp_uniform(tile.visible_keys(tile.first_row, QUERY_TILE)));
        for (int s = 0; s < walk.steps; ++s) {
            KeyStep step = walk.step(s);
            bool whole = tile.key_length == arguments.key_length || tile.key_length >= (step.tile + 1) * KEY_TILE;
            wait_empty(&shared.value_empty[ring.stage()], ring.parity());
            if constexpr (!SKIPS) {
                load_value(shared, value_map, tile, step.tile, ALL_UNITS, whole, ring.stage(), landed_parity);
            } else {
                // Groups vote in this order, since their products take turns. What a lane still reads when the leader's
                // load lets consumers go on is not written again before the next step (VOTE_STAGES).
                u32 loaded = 0;
                int heard = 0;
#pragma unroll 1
                for (; heard < DECIDING_GROUPS && loaded != step.units; ++heard) {
                    mbarrier_wait(&shared.voted[vote_ring.stage()][heard], vote_ring.parity());
                    u32 kept = kept_units(objections_of_group(shared.objections[vote_ring.stage()][heard]));
                    u32 fresh = kept & ~loaded;
                    load_value(shared, value_map, tile, step.tile, fresh, whole, ring.stage(), landed_parity);
                    loaded |= fresh;
                }
                // Wanted by nobody; and votes that nothing depends on. Waited for all the same, since synccheck wants
                // somebody to wait for every phase.
                for (int unit = 0; unit < UNITS; ++unit) {
                    if ((loaded >> unit & 1) == 0) {
                        Mbarrier* full = value_full(shared, ring.stage(), unit);
                        if (leader) {
                            mbarrier_arrive(full);
                        }
                        mbarrier_wait(full, ring.parity());
                    }
                }
                for (; heard < DECIDING_GROUPS; ++heard) {
                    mbarrier_wait(&shared.voted[vote_ring.stage()][heard], vote_ring.parity());
                }
            }
            ring.advance();
            vote_ring.advance();
        }
    }
}
