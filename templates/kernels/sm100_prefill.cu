// Skip Softmax attention, prefill, for SM100 (Blackwell): a persistent, warp-specialized FlashAttention loop over two
// query tiles of 128 rows that take turns, so that one's softmax runs under the other's products. Two warps load, one
// multiplies, a warpgroup for each query tile decides and takes the softmax, one thread a row, and a correction
// warpgroup keeps the numerators.
//
// Tensor memory, for each query tile q: S, KEY_TILE columns of logits, whose first half P takes, packed weights, once S
// has been read; and O, HEAD_DIM columns of numerators. A thread of a softmax or correction warp reaches its own row.
//
// Who signals what, over barriers in SharedMemory (s: stage, u: unit, g: deciding group, q: query tile). What belongs
// to a query tile completes one phase a key step, whether the step is kept or skipped.
// - query_full: TMA to the multiplier, Q of this work tile is there. query_empty: its last QKᵀ is done.
// - key_full[s]: TMA to the multiplier, a K tile is there. key_empty[s]: its QKᵀ of both query tiles is done.
// - voted[s][g]: warps of the group to each other and to the V warp, objections[s][g] is complete.
// - value_full[s][u]: TMA and V warp to the multiplier, the unit is there or is known to be wanted by nobody. It waits
//   for every unit in every step, so that it never falls a phase behind. value_empty[s]: P·V of both query tiles is
//   done.
// - value_landed: TMA to the V warp, a unit is there whose rows past the sequence's end must be zeroed first.
// - logits_full[q]: multiplier to the softmax, S is there.
// - factors_full[q]: softmax to the correction, what its rows of O are to be multiplied with is there. From a work
//   tile's second step on; after the last one once more, with the inverse denominators.
// - weights_full[q]: softmax and correction to the multiplier, P is there, S has been read and O is corrected. Of a
//   work tile's first step it also says that the correction is done with the O and the factors of the tile before.
// - output_full[q]: multiplier to the correction and to itself, P·V of the step is done: O can be touched, and S,
//   where P lay, overwritten: products with different accumulators have no order but what is waited for.
// - next_full[s], next_empty[s]: Q/K warp to everybody and back, the next work tile.
#include "../constants/sm100_prefill.cuh"
#include "../ptx/tcgen05.cuh"
#include "../ptx/warpgroup.cuh"
#include "../skip_softmax/arguments.cuh"
#include "../skip_softmax/producers.cuh"
#include "../skip_softmax/row_softmax.cuh"
#include "../skip_softmax/vote.cuh"
#include "../skip_softmax/work.cuh"

constexpr int WARPGROUP = 128;
constexpr int THREADS = WARPGROUP * (QUERY_BOXES + 2);
constexpr int ROW_GROUP_BYTES = 8 * ROW_BYTES;
constexpr int FEED_READERS = 4 * (QUERY_BOXES + 1) + 2;  // warps of softmax and correction, multiplier and V warp
constexpr int SIGNALS = 2;                               // arrivals of Multiplier::signal
constexpr int GROUPS = QUERY_BOX / QUERY_BLOCK;          // deciding groups of a query tile
constexpr int PRODUCT_INNER = 16;                        // inner dimension of one product instruction
constexpr int CHUNK = 32;                                // columns that a thread moves at a time
constexpr u32 LOGITS_PRODUCT = tcgen05_instruction(ELEMENT, KEY_TILE, Major::Inner, Major::Inner);
constexpr u32 OUTPUT_PRODUCT = tcgen05_instruction(ELEMENT, HEAD_DIM, Major::Inner, Major::Outer);
static_assert(QUERY_BOX == 128 && QUERY_BOX == WARPGROUP && QUERY_BOXES == 2);
static_assert(QUERY_BOXES * (KEY_TILE + HEAD_DIM) <= TENSOR_COLUMNS);

struct SharedMemory {
    alignas(1024) u8 query[QUERY_BOXES][QUERY_BYTES];  // [panel][row][64 elements], 128-byte swizzle; so are K and V
    alignas(1024) u8 key[KEY_STAGES][KEY_BYTES];
    alignas(1024) u8 value[VALUE_STAGES][UNITS][UNIT_BYTES];
    Mbarrier query_full;
    Mbarrier query_empty;
    Mbarrier key_full[KEY_STAGES];
    Mbarrier key_empty[KEY_STAGES];
    Mbarrier value_full[VALUE_STAGES][VALUE_BARRIERS];
    Mbarrier value_empty[VALUE_STAGES];
    Mbarrier value_landed;
    Mbarrier voted[VOTE_STAGES][DECIDING_GROUPS];
    Mbarrier next_full[2];
    Mbarrier next_empty[2];
    Mbarrier logits_full[QUERY_BOXES];
    Mbarrier factors_full[QUERY_BOXES];
    Mbarrier weights_full[QUERY_BOXES];
    Mbarrier output_full[QUERY_BOXES];
    u32 objections[VOTE_STAGES][DECIDING_GROUPS][DECIDING_WARPS];
    float factors[QUERY_BOXES][QUERY_BOX];
    WorkTile work[2];
    u32 tensor_memory;  // address
};

// Columns of a query tile's S, which are also P's, and of its O.
__device__ __forceinline__ u32 logits_of(u32 tensor_memory, int query) {
    return tcgen05_offset(tensor_memory, 0, query * KEY_TILE);
}

__device__ __forceinline__ u32 output_of(u32 tensor_memory, int query) {
    return tcgen05_offset(tensor_memory, 0, QUERY_BOXES * KEY_TILE + query * HEAD_DIM);
}

__device__ __forceinline__ bool warp_leader() { return threadIdx.x % 32 == 0; }

// One arrival for the warp, once every lane has come.
__device__ __forceinline__ void warp_arrive(Mbarrier* barrier) {
    __syncwarp();
    if (warp_leader()) {
        mbarrier_arrive(barrier);
    }
}

// ==== Multiplier ====

// One thread: issues all products. `steps_done` counts key steps over all work tiles, and so gives stages and phases.
struct Multiplier {
    SharedMemory& shared;
    u32 tensor_memory;
    u32 steps_done;
    u32 begun;  // query tiles whose O holds something of this work tile

    __device__ __forceinline__ void attend(const WorkTile& tile, u32 query_parity) {
        KeyWalk walk(tile.visible_keys(tile.first_row, QUERY_TILE));
        begun = 0;
        mbarrier_wait(&shared.query_full, query_parity);
#pragma unroll 1
        for (int s = 0; s < walk.steps; ++s) {
            u32 stage = steps_done % KEY_STAGES;
            mbarrier_wait(&shared.key_full[stage], steps_done / KEY_STAGES & 1);
#pragma unroll 1
            for (int query = 0; query < QUERY_BOXES; ++query) {
                if (s > 0) {
                    multiply_values(query, steps_done - 1);
                }
                multiply_keys(query, stage);
            }
            signal(&shared.key_empty[stage]);
            ++steps_done;
        }
        signal(&shared.query_empty);
        if (walk.steps > 0) {
#pragma unroll 1
            for (int query = 0; query < QUERY_BOXES; ++query) {
                multiply_values(query, steps_done - 1);
            }
        }
    }

    // Waits for all products and what was to be signalled after them, so that tensor memory can be given back and the
    // CTA can end.
    __device__ __forceinline__ void finish(u32 query_parity) {
#pragma unroll 1
        for (int query = 0; query < QUERY_BOXES; ++query) {
            mbarrier_wait(&shared.output_full[query], (steps_done - 1) & 1);
        }
        tcgen05_fence_after_sync();
        tcgen05_fence_before_sync();
        mbarrier_wait(&shared.query_empty, query_parity);
    }

    // Two arrivals. The commit says that all products so far are done; the thread's own hands on what it has read and
    // waited for, which a commit is not promised to do.
    __device__ __forceinline__ void signal(Mbarrier* barrier) {
        tcgen05_commit(barrier);
        mbarrier_arrive(barrier);
    }

    // S = Q·Kᵀ. Its columns are free: S of the step before has been read, since that step's weights are there, and P
    // was multiplied.
    __device__ __forceinline__ void multiply_keys(int query, u32 stage) {
        mbarrier_wait(&shared.output_full[query], (steps_done - 1) & 1);
        if (query == QUERY_BOXES - 1 && steps_done > 0) {
            release_value(steps_done - 1);
        }
        u64 a = tcgen05_descriptor(shared_address(shared.query[query]), 16, ROW_GROUP_BYTES);
        u64 b = tcgen05_descriptor(shared_address(shared.key[stage]), 16, ROW_GROUP_BYTES);
        tcgen05_fence_after_sync();
#pragma unroll
        for (int k = 0; k < HEAD_DIM / PRODUCT_INNER; ++k) {
            tcgen05_multiply(logits_of(tensor_memory, query),
                             tcgen05_advance(a, k / 4 * QUERY_BOX * ROW_BYTES + k % 4 * 32),
                             tcgen05_advance(b, k / 4 * KEY_TILE * ROW_BYTES + k % 4 * 32), LOGITS_PRODUCT, k != 0);
        }
        signal(&shared.logits_full[query]);
    }

    // P·V of both query tiles was waited for.
    __device__ __forceinline__ void release_value(u32 step) {
        u32 stage = step % VALUE_STAGES;
#pragma unroll
        for (int barrier = 0; barrier < VALUE_BARRIERS; ++barrier) {
            mbarrier_wait(&shared.value_full[stage][barrier], step / VALUE_STAGES & 1);
        }
        mbarrier_arrive(&shared.value_empty[stage]);
    }

    // O += P·V of a step, over the units that some rows of the query tile keep.
    __device__ __forceinline__ void multiply_values(int query, u32 step) {
        mbarrier_wait(&shared.weights_full[query], step & 1);
        u32 kept = kept_by(query, step);
        u32 stage = step % VALUE_STAGES;
        u32 parity = step / VALUE_STAGES & 1;
        tcgen05_fence_after_sync();
#pragma unroll 1
        for (int unit = 0; unit < UNITS; ++unit) {
            if (kept >> unit & 1) {
                mbarrier_wait(&shared.value_full[stage][SKIPS ? unit : 0], parity);
                multiply_unit(query, unit, stage);
            }
        }
        tcgen05_commit(&shared.output_full[query]);
    }

    __device__ __forceinline__ void multiply_unit(int query, int unit, u32 stage) {
        u32 a = tcgen05_offset(logits_of(tensor_memory, query), 0, unit * KEY_BLOCK / 2);
        u64 b = tcgen05_descriptor(shared_address(shared.value[stage][unit]), KEY_BLOCK * ROW_BYTES, ROW_GROUP_BYTES);
#pragma unroll
        for (int k = 0; k < KEY_BLOCK / PRODUCT_INNER; ++k) {
            tcgen05_multiply_tensor(output_of(tensor_memory, query), tcgen05_offset(a, 0, k * PRODUCT_INNER / 2),
                                    tcgen05_advance(b, k * 2 * ROW_GROUP_BYTES), OUTPUT_PRODUCT,
                                    k != 0 || (begun >> query & 1));
        }
        begun |= 1u << query;
    }

    // Units that some group of the query tile keeps. All have voted, since their weights are there.
    __device__ __forceinline__ u32 kept_by(int query, u32 step) {
        if constexpr (!SKIPS) {
            return ALL_UNITS;
        }
        u32 kept = 0;
#pragma unroll
        for (int group = 0; group < GROUPS; ++group) {
            kept |= kept_units(objections_of_group(shared.objections[step % VOTE_STAGES][query * GROUPS + group]));
        }
        return kept;
    }
};

// ==== Softmax ====

// One thread of a softmax warpgroup: decides, with the other rows of its group, and takes the softmax of a row.
struct Softmax {
    SharedMemory& shared;
    const PrefillArguments& arguments;
    int query;       // tile
    int thread;      // 0 … 127, and row of the query tile
    int group;       // deciding group of the CTA
    u32 logits_at;   // tensor memory of this warp's rows
    u32 steps_done;  // counts key steps over all work tiles

    // Of the current work tile.
    float log2_lambda;
    int unmasked_keys;  // keys every row of this warp sees
    int visible_keys;   // keys this row sees
    int decision_keys;  // keys some row of the group sees
    bool something_kept;
    u32 visited_units;  // counters
    u32 skipped_units;
    long long decision_row;  // offset of this query block's decisions
    RowState row;
    float logits[KEY_TILE];

    __device__ __forceinline__ Softmax(SharedMemory& shared, const PrefillArguments& arguments, int query)
        : shared(shared),
          arguments(arguments),
          query(query),
          thread(static_cast<int>(threadIdx.x) % WARPGROUP),
          group(query * GROUPS + warp_uniform(thread / QUERY_BLOCK)),
          logits_at(tcgen05_offset(logits_of(shared.tensor_memory, query), warp_uniform(thread / 32) * 32, 0)),
          steps_done(0) {}

    __device__ __forceinline__ void begin(const WorkTile& tile) {
        int first_row = tile.first_row + QUERY_BOX * query;
        int warp_row = first_row + thread / 32 * 32;
        int decision_first = first_row + thread / QUERY_BLOCK * QUERY_BLOCK;
        if constexpr (SKIPS) {
            log2_lambda = log2_threshold(arguments, tile);
        }
        unmasked_keys = warp_uniform(tile.query_length - warp_row >= 32 ? tile.visible_keys(warp_row, 1) : 0);
        visible_keys = tile.visible_keys(first_row + thread, 1);
        decision_keys = warp_uniform(tile.visible_keys(decision_first, QUERY_BLOCK));
        something_kept = false;
        visited_units = skipped_units = 0;
        decision_row =
            (static_cast<long long>(tile.flat_head) * arguments.query_blocks + decision_first / QUERY_BLOCK) *
            arguments.key_blocks;
        row.reset();
    }

    __device__ __forceinline__ void attend(const WorkTile& tile) {
        begin(tile);
        KeyWalk walk(warp_uniform(tile.visible_keys(tile.first_row, QUERY_TILE)));
#pragma unroll 1
        for (int s = 0; s < walk.steps; ++s) {
            KeyStep step = walk.step(s);
            read_logits();
            mask_if_needed(step);
            float maximum;
            u32 kept = decide(step, maximum);
            float factor = !SKIPS || kept != 0 ? row.raise(maximum, arguments.scale_log2) : 1.0f;
            if (s > 0) {
                publish(factor);
            }
            write_weights(kept);
            tcgen05_fence_before_sync();
            warp_arrive(&shared.weights_full[query]);
            ++steps_done;
        }
        finish(tile, walk.steps);
    }

    __device__ __forceinline__ void read_logits() {
        mbarrier_wait(&shared.logits_full[query], steps_done & 1);
        tcgen05_fence_after_sync();
#pragma unroll
        for (int first = 0; first < KEY_TILE; first += CHUNK) {
            Tcgen05Columns<CHUNK>::load(logits + first, tcgen05_offset(logits_at, 0, first));
        }
        tcgen05_wait_loads();
    }

    __device__ __forceinline__ void mask_if_needed(const KeyStep& step) {
        if ((step.tile + 1) * KEY_TILE > unmasked_keys) {
            int visible = visible_keys - step.tile * KEY_TILE;
#pragma unroll
            for (int j = 0; j < KEY_TILE; ++j) {
                logits[j] = j < visible ? logits[j] : MINUS_INFINITY;
            }
        }
        if constexpr (!SKIPS && ORDER == TileOrder::SinkFirst && UNITS > 1) {
            // The dense kernel takes every unit of a step; one that is not due yet, or has been taken, must not count.
#pragma unroll
            for (int j = 0; j < KEY_TILE; ++j) {
                if ((step.units >> j / KEY_BLOCK & 1) == 0) {
                    logits[j] = MINUS_INFINITY;
                }
            }
        }
    }

    // Decides which units of the step are kept, tells V warp and multiplier, and leaves the row's maximum over them and
    // all before in `maximum`.
    __device__ __forceinline__ u32 decide(const KeyStep& step, float& maximum) {
        float unit_maximum[UNITS][1];
#pragma unroll
        for (int unit = 0; unit < UNITS; ++unit) {
            unit_maximum[unit][0] = largest_logit<KEY_BLOCK>(logits + unit * KEY_BLOCK);
        }
        u32 due = step.units & units_below(step.tile, decision_keys);
        u32 kept = ALL_UNITS;
        if constexpr (SKIPS) {
            kept = vote(unit_maximum, due);
            something_kept = something_kept || kept != 0;
        }
        record(step, due, SKIPS ? kept : due);
        maximum = row.maximum;
#pragma unroll
        for (int unit = 0; unit < UNITS; ++unit) {
            if (!SKIPS || (kept >> unit & 1)) {
                maximum = max_with_nan(maximum, unit_maximum[unit][0]);
            }
        }
        return kept;
    }

    // The vote on the units that are due. Every warp publishes what it objects to; one that objects to skipping
    // anything need not wait for the others, since one objection is enough.
    __device__ __forceinline__ u32 vote(const float (&unit_maximum)[UNITS][1], u32 due) {
        const float running[1] = {row.maximum};
        const float limit[1] = {something_kept ? negligible_below(row.maximum, arguments.scale_log2, log2_lambda)
                                               : MINUS_INFINITY};
        Objections own = object_to_skipping(unit_maximum, running, limit, due, arguments.scale_log2, log2_lambda);
        u32 objections = objections_of_warp(own.raised);
        u32 stage = steps_done % VOTE_STAGES;
        if (warp_leader()) {
            shared.objections[stage][group][thread / 32 % DECIDING_WARPS] = objections;
            mbarrier_arrive(&shared.voted[stage][group]);
        }
        return (objections & own.decisive) == own.decisive ? kept_units(objections) : kept_by(group);
    }

    // What a group keeps of this step, once it has voted.
    __device__ __forceinline__ u32 kept_by(int other_group) {
        u32 stage = steps_done % VOTE_STAGES;
        mbarrier_wait(&shared.voted[stage][other_group], steps_done / VOTE_STAGES & 1);
        return kept_units(objections_of_warp(shared.objections[stage][other_group][thread % DECIDING_WARPS]));
    }

    __device__ __forceinline__ void record(const KeyStep& step, u32 visited, u32 kept) {
        if (COUNT_TILES) {
            visited_units += __popc(visited);
            skipped_units += __popc(visited & ~kept);
        }
        int member = thread % QUERY_BLOCK;
        if (RECORD_DECISIONS && member < UNITS && (visited >> member & 1)) {
            arguments.decisions[decision_row + step.tile * UNITS + member] = kept >> member & 1 ? KEPT : SKIPPED;
        }
    }

    // P of the kept units; and zeros for those that only the query tile's other rows keep, which are multiplied all the
    // same.
    __device__ __forceinline__ void write_weights(u32 kept) {
        u32 zeroed = 0;
        if constexpr (SKIPS && GROUPS > 1) {
            if (kept != ALL_UNITS) {
                zeroed = kept_by(group ^ 1) & ~kept;
            }
        }
        u32 words[CHUNK / 2];
#pragma unroll
        for (int first = 0; first < KEY_TILE; first += CHUNK) {
            int unit = first / KEY_BLOCK;
            u32 address = tcgen05_offset(logits_at, 0, first / 2);
            if (!SKIPS || (kept >> unit & 1)) {
                exponentiate<CHUNK>(logits + first, words, arguments.scale_log2, row);
                Tcgen05Columns<CHUNK / 2>::store(address, words);
            } else if (zeroed >> unit & 1) {
#pragma unroll
                for (int i = 0; i < CHUNK / 2; ++i) {
                    words[i] = 0;
                }
                Tcgen05Columns<CHUNK / 2>::store(address, words);
            }
        }
        tcgen05_wait_stores();
    }

    // Tells the correction what this row of O is to be multiplied with. The step before is behind it, so that it has
    // read what it was told last.
    __device__ __forceinline__ void publish(float factor) {
        mbarrier_wait(&shared.weights_full[query], (steps_done - 1) & 1);
        shared.factors[query][thread] = factor;
        warp_arrive(&shared.factors_full[query]);
    }

    // The row's denominator, for the correction to divide by; LSE and counters.
    __device__ __forceinline__ void finish(const WorkTile& tile, int steps) {
        float sum = row.sum.low + row.sum.high;
        bool keyless = sum == 0.0f;
        if (steps > 0) {
            publish(keyless ? 0.0f : 1.0f / sum);
        }
        int index = tile.first_row + QUERY_BOX * query + thread;
        if (RETURN_LSE && index < tile.query_length) {
            arguments.lse[static_cast<long long>(tile.flat_head) * arguments.query_length + index] =
                keyless ? MINUS_INFINITY : log_sum_exp(row.reference, sum, arguments.scale_log2);
        }
        if (COUNT_TILES && thread % QUERY_BLOCK == 0) {
            atomicAdd(&arguments.counters[tile.flat_head].visited, static_cast<u64>(visited_units));
            atomicAdd(&arguments.counters[tile.flat_head].skipped, static_cast<u64>(skipped_units));
        }
    }
};

// ==== Correction ====

struct alignas(16) Words4 {
    u32 words[4];
};

// One thread of the correction warpgroup: a row of O of each query tile, rescaled where the softmax asks for it, and
// written at the end.
struct Correction {
    SharedMemory& shared;
    const PrefillArguments& arguments;
    int thread;  // 0 … 127, and row of each query tile
    u32 tensor_memory;
    u32 steps_done;    // counts key steps over all work tiles
    u32 factors_read;  // counts phases of factors_full

    __device__ __forceinline__ Correction(SharedMemory& shared, const PrefillArguments& arguments)
        : shared(shared),
          arguments(arguments),
          thread(static_cast<int>(threadIdx.x) % WARPGROUP),
          tensor_memory(tcgen05_offset(shared.tensor_memory, warp_uniform(thread / 32) * 32, 0)),
          steps_done(0),
          factors_read(0) {}

    __device__ __forceinline__ void attend(const WorkTile& tile) {
        KeyWalk walk(warp_uniform(tile.visible_keys(tile.first_row, QUERY_TILE)));
#pragma unroll 1
        for (int s = 0; s < walk.steps; ++s) {
#pragma unroll 1
            for (int query = 0; query < QUERY_BOXES; ++query) {
                if (s > 0) {
                    correct(query);
                }
                tcgen05_fence_before_sync();
                warp_arrive(&shared.weights_full[query]);
            }
            factors_read += s > 0 ? 1 : 0;
            ++steps_done;
        }
#pragma unroll 1
        for (int query = 0; query < QUERY_BOXES; ++query) {
            finish(tile, query, walk.steps);
        }
        factors_read += walk.steps > 0 ? 1 : 0;
    }

    __device__ __forceinline__ float read_factor(int query) {
        mbarrier_wait(&shared.factors_full[query], factors_read & 1);
        return shared.factors[query][thread];
    }

    // Nothing to do where no row of the warp's maximum grew enough, or the step was skipped.
    __device__ __forceinline__ void correct(int query) {
        float factor = read_factor(query);
        if (!warp_any(factor != 1.0f)) {
            return;
        }
        mbarrier_wait(&shared.output_full[query], (steps_done - 1) & 1);
        tcgen05_fence_after_sync();
        float output[CHUNK];
#pragma unroll
        for (int first = 0; first < HEAD_DIM; first += CHUNK) {
            u32 address = tcgen05_offset(output_of(tensor_memory, query), 0, first);
            Tcgen05Columns<CHUNK>::load(output, address);
            tcgen05_wait_loads();
#pragma unroll
            for (int i = 0; i < CHUNK; ++i) {
                output[i] = __fmul_rn(output[i], factor);
            }
            Tcgen05Columns<CHUNK>::store(address, output);
        }
        tcgen05_wait_stores();
    }

    // Divides by the denominators and writes the rows that exist. A warp whose rows all lack keys may find that nothing
    // was ever multiplied, and leaves O alone.
    __device__ __forceinline__ void finish(const WorkTile& tile, int query, int steps) {
        float inverse = steps > 0 ? read_factor(query) : 0.0f;
        bool keyless = inverse == 0.0f;  // zeros, also where V holds a NaN: 0 · NaN is none
        bool all_keyless = warp_all(keyless);
        int row = tile.first_row + QUERY_BOX * query + thread;
        long long offset = tile.sequence * arguments.output_batch_stride + row * arguments.output_row_stride +
                           tile.head * arguments.output_head_stride;
        u8* destination = static_cast<u8*>(arguments.output) + 2 * offset;
        if (!all_keyless) {
            mbarrier_wait(&shared.output_full[query], (steps_done - 1) & 1);
            tcgen05_fence_after_sync();
        }
#pragma unroll 1
        for (int first = 0; first < HEAD_DIM; first += CHUNK) {
            float output[CHUNK];
            if (!all_keyless) {
                Tcgen05Columns<CHUNK>::load(output, tcgen05_offset(output_of(tensor_memory, query), 0, first));
                tcgen05_wait_loads();
            }
            if (row < tile.query_length) {
#pragma unroll
                for (int i = 0; i < CHUNK; i += 8) {
                    Words4 packed;
#pragma unroll
                    for (int j = 0; j < 4; ++j) {
                        packed.words[j] = keyless ? 0
                                                  : pack_elements<ELEMENT>(output[i + 2 * j] * inverse,
                                                                           output[i + 2 * j + 1] * inverse);
                    }
                    *reinterpret_cast<Words4*>(destination + 2 * (first + i)) = packed;
                }
            }
        }
    }
};

// ==== Entry ====

__device__ __forceinline__ void initialize_barriers(SharedMemory& shared) {
    mbarrier_init(&shared.query_full, 1);
    mbarrier_init(&shared.query_empty, SIGNALS);
    for (int stage = 0; stage < KEY_STAGES; ++stage) {
        mbarrier_init(&shared.key_full[stage], 1);
        mbarrier_init(&shared.key_empty[stage], SIGNALS);
    }
    for (int stage = 0; stage < VALUE_STAGES; ++stage) {
        for (int barrier = 0; barrier < VALUE_BARRIERS; ++barrier) {
            mbarrier_init(&shared.value_full[stage][barrier], UNITS / VALUE_BARRIERS);  // an arrival for each unit
        }
        mbarrier_init(&shared.value_empty[stage], 1);
    }
    for (int stage = 0; stage < VOTE_STAGES; ++stage) {
        for (int group = 0; group < DECIDING_GROUPS; ++group) {
            mbarrier_init(&shared.voted[stage][group], DECIDING_WARPS);
        }
    }
    mbarrier_init(&shared.value_landed, 1);
    for (int slot = 0; slot < 2; ++slot) {
        mbarrier_init(&shared.next_full[slot], 1);
        mbarrier_init(&shared.next_empty[slot], FEED_READERS);
    }
    for (int query = 0; query < QUERY_BOXES; ++query) {
        mbarrier_init(&shared.logits_full[query], SIGNALS);
        mbarrier_init(&shared.factors_full[query], 4);
        mbarrier_init(&shared.weights_full[query], 8);
        mbarrier_init(&shared.output_full[query], 1);
    }
    mbarrier_init_fence();
}

extern __shared__ __align__(1024) u8 dynamic_shared_memory[];

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    skip_softmax_prefill(const __grid_constant__ TensorMap query_map, const __grid_constant__ TensorMap key_map,
                         const __grid_constant__ TensorMap value_map,
                         const __grid_constant__ PrefillArguments arguments) {
    SharedMemory& shared = *reinterpret_cast<SharedMemory*>(dynamic_shared_memory);
    // Uniform over each warp, and known to be so.
    int warp = __shfl_sync(0xFFFFFFFFu, threadIdx.x / 32, 0);
    if (threadIdx.x == 0) {
        tma_prefetch_map(&query_map);
        tma_prefetch_map(&key_map);
        tma_prefetch_map(&value_map);
        initialize_barriers(shared);
    } else if (warp == 3) {
        tcgen05_allocate<TENSOR_COLUMNS>(&shared.tensor_memory);
        tcgen05_relinquish();
    }
    __syncthreads();

    if (warp < 4) {
        release_registers<PRODUCER_REGISTERS>();
        if (warp == 0) {
            produce_query_and_key(shared, arguments, &query_map, &key_map);
        } else if (warp == 1) {
            produce_value(shared, arguments, &value_map);
        } else if (warp == 2) {
            Multiplier multiplier{shared, shared.tensor_memory, 0, 0};
            WorkFeed<SharedMemory> feed{shared};
            for (; feed.next(); feed.done()) {
                if (elect_lane()) {
                    multiplier.attend(feed.current(), feed.ring.count & 1);
                }
            }
            if (elect_lane()) {
                multiplier.finish((feed.ring.count - 1) & 1);
            }
        }
    } else if (warp < 4 * (QUERY_BOXES + 1)) {
        claim_registers<SOFTMAX_REGISTERS>();
        Softmax softmax(shared, arguments, warp / 4 - 1);
        WorkFeed<SharedMemory> feed{shared};
        for (; feed.next(); feed.done()) {
            softmax.attend(feed.current());
        }
    } else {
        release_registers<CORRECTION_REGISTERS>();
        Correction correction(shared, arguments);
        WorkFeed<SharedMemory> feed{shared};
        for (; feed.next(); feed.done()) {
            correction.attend(feed.current());
        }
        tcgen05_fence_before_sync();
    }
    __syncthreads();
    if (warp == 3) {
        tcgen05_fence_after_sync();
        tcgen05_release<TENSOR_COLUMNS>(shared.tensor_memory);
    }
}
