// Skip Softmax attention, prefill, for SM90 (Hopper): a persistent, warp-specialized FlashAttention loop whose
// warpgroups vote on each block of keys. One producer warpgroup (a warp for Q and K, a warp for V) feeds
// CONSUMER_WARPGROUPS consumer warpgroups of 64 query rows each through rings in shared memory; a consumer's softmax
// runs under the other consumers' products.
//
// Who signals what, over barriers in SharedMemory (s: stage, u: unit, g: deciding group):
// - query_full: TMA to consumers, Q of this work tile is there. query_empty: consumer warps, its last QKᵀ is done.
// - key_full[s]: TMA to consumers, a K tile is there. key_empty[s]: consumer warps, its QKᵀ is done.
// - voted[s][g]: warps of the group to each other and to the V warp, objections[s][g] is complete.
// - value_full[s][u]: TMA and V warp to consumers, the unit is there or is known to be wanted by nobody. A consumer
//   waits for every unit in every pass, at once where it keeps it, a step later where it skips it, so that it never
//   falls a phase behind. value_empty[s]: consumer warps, they are done with the stage.
// - value_landed: TMA to the V warp, a unit is there whose rows past the sequence's end must be zeroed first.
// - next_full[s], next_empty[s]: Q/K warp to everybody and back, the next work tile.
#include "../constants/sm90_prefill.cuh"
#include "../ptx/warpgroup.cuh"
#include "../ptx/wgmma.cuh"
#include "../skip_softmax/arguments.cuh"
#include "../skip_softmax/online_softmax.cuh"
#include "../skip_softmax/producers.cuh"
#include "../skip_softmax/vote.cuh"
#include "../skip_softmax/work.cuh"

constexpr int WARPGROUP = 128;
constexpr int CONSUMER_WARPGROUPS = QUERY_TILE / QUERY_BOX;  // each works on 64 query rows
constexpr int THREADS = WARPGROUP * (CONSUMER_WARPGROUPS + 1);
constexpr int CONSUMER_WARPS = 4 * CONSUMER_WARPGROUPS;
constexpr int ROW_GROUP_BYTES = 8 * ROW_BYTES;
constexpr int WEIGHTS = KEY_TILE / 4;                  // packed pairs of softmax weights a thread holds
constexpr int DECIDING_WARPGROUPS = QUERY_BLOCK / 64;  // that decide together
static_assert(QUERY_BOX == 64 && QUERY_TILE % QUERY_BLOCK == 0, "a decision's rows belong to one CTA");

// Named barriers; 0 is __syncthreads.
constexpr int TURN_BARRIER = 1;  // + warpgroup: its turn to issue products

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
    u32 objections[VOTE_STAGES][DECIDING_GROUPS][DECIDING_WARPS];
    WorkTile work[2];
};

// ==== Consumers ====

// Issues logits = Q·Kᵀ for 64 rows × KEY_TILE keys.
__device__ __forceinline__ void issue_logits(float (&logits)[LOGITS], const u8* query, const u8* key) {
    u64 a = wgmma_descriptor(shared_address(query), 0, ROW_GROUP_BYTES);
    u64 b = wgmma_descriptor(shared_address(key), 0, ROW_GROUP_BYTES);
#pragma unroll
    for (int k = 0; k < HEAD_DIM / 16; ++k) {
        Wgmma<ELEMENT, KEY_TILE>::shared_shared(logits, wgmma_advance(a, k / 4 * 64 * ROW_BYTES + k % 4 * 32),
                                                wgmma_advance(b, k / 4 * KEY_TILE * ROW_BYTES + k % 4 * 32), k != 0);
    }
}

// Issues output += P·V over one unit's keys.
__device__ __forceinline__ void issue_output(float (&output)[HEAD_DIM / 2], const u32 (&weights)[WEIGHTS], int unit,
                                             const u8* value) {
    u64 b = wgmma_descriptor(shared_address(value), KEY_BLOCK * ROW_BYTES, ROW_GROUP_BYTES);
#pragma unroll
    for (int k = 0; k < KEY_BLOCK / 16; ++k) {
        const u32(&a)[4] = *reinterpret_cast<const u32(*)[4]>(&weights[(unit * KEY_BLOCK / 16 + k) * 4]);
        Wgmma<ELEMENT, HEAD_DIM>::register_shared(output, a, wgmma_advance(b, k * 2 * ROW_GROUP_BYTES));
    }
}

struct alignas(16) Words4 {
    u32 words[4];
};

// Transposes a 4 × 4 block of words across the four threads of a quad: afterwards thread q holds word q of each, in
// thread order.
__device__ __forceinline__ void transpose_quad(u32 (&words)[4], int quad_lane) {
#pragma unroll
    for (int distance = 1; distance <= 2; distance *= 2) {
        bool upper = (quad_lane & distance) != 0;
#pragma unroll
        for (int pair = 0; pair < 2; ++pair) {
            int low = distance == 1 ? 2 * pair : pair;
            int high = low + distance;
            u32 received = __shfl_xor_sync(0xFFFFFFFFu, upper ? words[low] : words[high], distance);
            words[low] = upper ? received : words[low];
            words[high] = upper ? words[high] : received;
        }
    }
}

// One consumer warpgroup's state.
struct Consumer {
    SharedMemory& shared;
    const PrefillArguments& arguments;
    int warpgroup;   // 0 … CONSUMER_WARPGROUPS − 1
    int thread;      // 0 … 127
    u32 steps_done;  // counts key steps over all work tiles, and so gives the stages of both rings

    // Of the current work tile.
    float log2_lambda;
    int unmasked_keys;  // keys every row of this warpgroup sees
    int decision_keys;  // keys some row of the decision's rows sees
    bool something_kept;
    u32 visited_units;  // counters
    u32 skipped_units;
    long long decision_row;  // offset of this query block's decisions
    RowState rows;
    float logits[LOGITS];
    float output[HEAD_DIM / 2];
    u32 weights[WEIGHTS];

    __device__ __forceinline__ Consumer(SharedMemory& shared, const PrefillArguments& arguments, int warpgroup)
        : shared(shared),
          arguments(arguments),
          warpgroup(warpgroup),
          thread(static_cast<int>(threadIdx.x) % WARPGROUP),
          steps_done(0) {}

    __device__ __forceinline__ u32 key_stage() const { return steps_done % KEY_STAGES; }

    __device__ __forceinline__ u32 key_parity() const { return steps_done / KEY_STAGES & 1; }

    // Of the current step's V (steps_back = 0) or the one before it (1).
    __device__ __forceinline__ u32 value_stage(int steps_back) const {
        return (steps_done - steps_back) % VALUE_STAGES;
    }

    __device__ __forceinline__ u32 value_parity(int steps_back) const {
        return (steps_done - steps_back) / VALUE_STAGES & 1;
    }

    __device__ __forceinline__ bool warp_leader() const { return thread % 32 == 0; }

    // Warpgroups take turns in issuing products, so that one's softmax runs under the others' products.
    __device__ __forceinline__ void wait_turn() { named_barrier_sync(TURN_BARRIER + warpgroup, 2 * WARPGROUP); }

    __device__ __forceinline__ void pass_turn() {
        named_barrier_arrive(TURN_BARRIER + (warpgroup + 1) % CONSUMER_WARPGROUPS, 2 * WARPGROUP);
    }

    __device__ __forceinline__ void begin(const WorkTile& tile) {
        int first_row = tile.first_row + 64 * warpgroup;
        int decision_first = tile.first_row + warpgroup / DECIDING_WARPGROUPS * QUERY_BLOCK;
        if constexpr (SKIPS) {
            log2_lambda = log2_threshold(arguments, tile);
        }
        unmasked_keys = tile.query_length - first_row >= 64 ? tile.visible_keys(first_row, 1) : 0;
        decision_keys = tile.visible_keys(decision_first, QUERY_BLOCK);
        something_kept = false;
        visited_units = skipped_units = 0;
        decision_row =
            (static_cast<long long>(tile.flat_head) * arguments.query_blocks + decision_first / QUERY_BLOCK) *
            arguments.key_blocks;
        rows.reset();
#pragma unroll
        for (int i = 0; i < HEAD_DIM / 2; ++i) {
            output[i] = 0.0f;
        }
    }

    __device__ __forceinline__ void start_logits() {
        wgmma_hold(logits);
        wgmma_fence();
        issue_logits(logits, shared.query[warpgroup], shared.key[key_stage()]);
        wgmma_commit();
    }

    // Issues P·V of the step before, over these units of it, as one group.
    template <u32 KEPT>
    __device__ __forceinline__ void start_output() {
#pragma unroll
        for (int unit = 0; unit < UNITS; ++unit) {
            if ((KEPT >> unit & 1) && (SKIPS || unit == 0)) {  // the dense kernel has one barrier for all
                mbarrier_wait(&shared.value_full[value_stage(1)][unit], value_parity(1));
            }
        }
        wgmma_fence();
#pragma unroll
        for (int unit = 0; unit < UNITS; ++unit) {
            if (KEPT >> unit & 1) {
                issue_output(output, weights, unit, shared.value[value_stage(1)][unit]);
            }
        }
        wgmma_commit();
    }

    // With this step's logits in the making: starts P·V of the step before over the units it kept, passes the turn, and
    // waits for the logits but not for P·V. One straight path for each set of units, since the compiler orders products
    // only along straight paths.
    template <u32 KEPT = ALL_UNITS>
    __device__ __forceinline__ void start_output_and_await_logits(u32 kept) {
        if (KEPT == 0) {
            pass_turn();
            wgmma_wait<0>();
        } else if (!SKIPS || kept == KEPT) {
            start_output<KEPT>();
            pass_turn();
            wgmma_wait<1>();
        } else if constexpr (SKIPS && KEPT > 0) {
            start_output_and_await_logits<KEPT - 1>(kept);
        }
    }

    // P·V of the last step.
    template <u32 KEPT = ALL_UNITS>
    __device__ __forceinline__ void finish_output(u32 kept) {
        if constexpr (KEPT > 0) {
            if (!SKIPS || kept == KEPT) {
                start_output<KEPT>();
                wgmma_wait<0>();
            } else {
                finish_output<KEPT - 1>(kept);
            }
        }
    }

    __device__ __forceinline__ void release_query() {
        if (warp_leader()) {
            mbarrier_arrive(&shared.query_empty);
        }
    }

    __device__ __forceinline__ void release_key() {
        if (warp_leader()) {
            mbarrier_arrive(&shared.key_empty[key_stage()]);
        }
    }

    // Units that were not kept have been waited for by now as well: see value_full.
    __device__ __forceinline__ void await_skipped(u32 kept) {
        if constexpr (SKIPS) {
#pragma unroll
            for (int unit = 0; unit < UNITS; ++unit) {
                if ((kept >> unit & 1) == 0) {
                    mbarrier_wait(&shared.value_full[value_stage(1)][unit], value_parity(1));
                }
            }
        }
    }

    __device__ __forceinline__ void release_value() {
        if (warp_leader()) {
            mbarrier_arrive(&shared.value_empty[value_stage(1)]);
        }
    }

    // Decides which units of the step are kept, tells the V warp, and leaves their row maxima, the running ones
    // included, in `maximum`.
    __device__ __forceinline__ u32 decide(const KeyStep& step, float (&maximum)[2]) {
        float unit_maximum[UNITS][2];
#pragma unroll
        for (int unit = 0; unit < UNITS; ++unit) {
            unit_maxima(logits, unit, unit_maximum[unit]);
        }
        u32 due = step.units & units_below(step.tile, decision_keys);
        if constexpr (!SKIPS) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                float largest = unit_maximum[0][i];
#pragma unroll
                for (int unit = 1; unit < UNITS; ++unit) {
                    largest = max_with_nan(largest, unit_maximum[unit][i]);
                }
                maximum[i] = max_with_nan(rows.maximum[i], row_maximum(largest));
            }
            record(step, due, due);
            return ALL_UNITS;
        } else {
#pragma unroll
            for (int unit = 0; unit < UNITS; ++unit) {
                unit_maximum[unit][0] = row_maximum(unit_maximum[unit][0]);
                unit_maximum[unit][1] = row_maximum(unit_maximum[unit][1]);
            }
            u32 kept = vote(unit_maximum, due);
            something_kept = something_kept || kept != 0;
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                maximum[i] = rows.maximum[i];
#pragma unroll
                for (int unit = 0; unit < UNITS; ++unit) {
                    if (kept >> unit & 1) {
                        maximum[i] = max_with_nan(maximum[i], unit_maximum[unit][i]);
                    }
                }
            }
            record(step, due, kept);
            return kept;
        }
    }

    // The vote on the units that are due. Every warp publishes what it objects to; one that objects to skipping
    // anything need not wait for the others, since one objection is enough.
    __device__ __forceinline__ u32 vote(const float (&unit_maximum)[UNITS][2], u32 due) {
        Objections own =
            object_to_skipping(unit_maximum, rows.maximum, due, something_kept, arguments.scale_log2, log2_lambda);
        u32 objections = warp_or(own.raised);
        u32 stage = steps_done % VOTE_STAGES;
        int group = warpgroup / DECIDING_WARPGROUPS;
        int member = warpgroup % DECIDING_WARPGROUPS * 4 + thread / 32;
        if (warp_leader()) {
            shared.objections[stage][group][member] = objections;
            mbarrier_arrive(&shared.voted[stage][group]);
        }
        if ((objections & own.decisive) != own.decisive) {
            mbarrier_wait(&shared.voted[stage][group], steps_done / VOTE_STAGES & 1);
            objections = warp_or(shared.objections[stage][group][thread % DECIDING_WARPS]);
        }
        return kept_units(objections);
    }

    __device__ __forceinline__ void record(const KeyStep& step, u32 visited, u32 kept) {
        if (COUNT_TILES) {
            visited_units += __popc(visited);
            skipped_units += __popc(visited & ~kept);
        }
        if (RECORD_DECISIONS && warpgroup % DECIDING_WARPGROUPS == 0 && thread < UNITS && (visited >> thread & 1)) {
            arguments.decisions[decision_row + step.tile * UNITS + thread] = kept >> thread & 1 ? KEPT : SKIPPED;
        }
    }

    // From logits to weights for the kept units. Returns by `rescale` what the numerators so far must be multiplied
    // with.
    __device__ __forceinline__ void softmax(u32 kept, const float (&maximum)[2], float (&rescale)[2]) {
        float offset[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            // A row without any key so far: any finite offset gives weights of exp2(−∞) = 0.
            offset[i] = maximum[i] == MINUS_INFINITY ? 0.0f : __fmul_rn(maximum[i], arguments.scale_log2);
            // Both products rounded, as the weights so far were taken with the rounded one: exactly 1 where the maximum
            // stays. A fused multiply-add would leave the rounding, the same one in each step, which adds up.
            rescale[i] = exp2_approximate(__fmul_rn(rows.maximum[i], arguments.scale_log2) - offset[i]);
            rows.maximum[i] = maximum[i];
            rows.sum[i] = __fmul_rn(rows.sum[i], rescale[i]);
        }
        if (!SKIPS || kept == ALL_UNITS) {  // one straight piece where there is nothing to skip
#pragma unroll
            for (int unit = 0; unit < UNITS; ++unit) {
                exponentiate_unit(logits, unit, arguments.scale_log2, offset, rows.sum);
            }
        } else {
#pragma unroll
            for (int unit = 0; unit < UNITS; ++unit) {
                if (kept >> unit & 1) {
                    exponentiate_unit(logits, unit, arguments.scale_log2, offset, rows.sum);
                }
            }
        }
    }

    __device__ __forceinline__ void rescale_output(const float (&rescale)[2]) {
#pragma unroll
        for (int j = 0; j < HEAD_DIM / 8; ++j) {
#pragma unroll
            for (int c = 0; c < 4; ++c) {
                output[4 * j + c] *= rescale[c / 2];
            }
        }
    }

    // Weights as the A operand of P·V: the accumulator's layout is the operand's, pair by pair.
    __device__ __forceinline__ void pack_weights() {
#pragma unroll
        for (int i = 0; i < WEIGHTS; ++i) {
            weights[i] = pack_elements<ELEMENT>(logits[2 * i], logits[2 * i + 1]);
        }
    }

    __device__ __forceinline__ void mask_if_needed(const KeyStep& step, const WorkTile& tile) {
        if ((step.tile + 1) * KEY_TILE > unmasked_keys) {
            int row = tile.first_row + 64 * warpgroup + thread / 32 * 16 + thread % 32 / 4;
            int limit[2] = {tile.visible_keys(row, 1) - 1, tile.visible_keys(row + 8, 1) - 1};
            mask_logits(logits, step.tile * KEY_TILE + 2 * (thread % 4), limit);
        }
        if constexpr (!SKIPS && ORDER == TileOrder::SinkFirst && UNITS > 1) {
            // The dense kernel takes every unit of a step; one that is not due yet, or has been taken, must not count.
#pragma unroll
            for (int i = 0; i < LOGITS; ++i) {
                if ((step.units >> i / UNIT_LOGITS & 1) == 0) {
                    logits[i] = MINUS_INFINITY;
                }
            }
        }
    }

    __device__ __forceinline__ void attend(const WorkFeed<SharedMemory>& feed) {
        begin(feed.current());
        KeyWalk walk(warp_uniform(feed.current().visible_keys(feed.current().first_row, QUERY_TILE)));
        mbarrier_wait(&shared.query_full, feed.ring.count & 1);
        if (walk.steps > 0) {
            // First step: nothing to rescale, no earlier P·V.
            KeyStep step = walk.step(0);
            mbarrier_wait(&shared.key_full[key_stage()], key_parity());
            wait_turn();
            start_logits();
            pass_turn();
            wgmma_wait<0>();
            wgmma_hold(logits);
            release_key();
            if (walk.steps == 1) {
                release_query();
            }
            mask_if_needed(step, feed.current());
            float maximum[2];
            float rescale[2];
            u32 kept = decide(step, maximum);
            if (!SKIPS || kept != 0) {
                softmax(kept, maximum, rescale);
                pack_weights();
            }
            ++steps_done;

            for (int s = 1; s < walk.steps; ++s) {
                step = walk.step(s);
                mbarrier_wait(&shared.key_full[key_stage()], key_parity());
                wait_turn();
                wgmma_hold(output);
                wgmma_hold(weights);
                start_logits();
                start_output_and_await_logits(kept);
                wgmma_hold(logits);
                release_key();
                if (s == walk.steps - 1) {
                    release_query();  // early: the next work tile's Q is then on its way while this one ends
                }
                mask_if_needed(step, feed.current());
                await_skipped(kept);
                kept = decide(step, maximum);
                if (!SKIPS || kept != 0) {
                    softmax(kept, maximum, rescale);
                }
                wgmma_wait<0>();
                wgmma_hold(output);
                release_value();
                if (!SKIPS || kept != 0) {
                    rescale_output(rescale);
                    pack_weights();
                }
                ++steps_done;
            }

            wgmma_hold(output);
            wgmma_hold(weights);
            finish_output(kept);
            await_skipped(kept);
            wgmma_hold(output);
            __syncwarp();  // every lane has waited for what the leader now lets go on
            release_value();
        } else {
            __syncwarp();  // as above
            release_query();
        }
        finish(feed.current());
    }

    // Divides by the denominators and writes O, LSE and counters of the rows that exist.
    __device__ __forceinline__ void finish(const WorkTile& tile) {
        int first_row = tile.first_row + 64 * warpgroup + thread / 32 * 16 + thread % 32 / 4;
        int quad_lane = thread % 4;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int row = first_row + 8 * i;
            bool exists = row < tile.query_length;
            float sum = row_sum(rows.sum[i]);
            bool keyless = sum == 0.0f;  // zeros, also where V holds a NaN: 0 · NaN is none
            float inverse = 1.0f / sum;
            long long offset = tile.sequence * arguments.output_batch_stride + row * arguments.output_row_stride +
                               tile.head * arguments.output_head_stride;
            u8* destination = static_cast<u8*>(arguments.output) + 2 * offset;
#pragma unroll
            for (int column = 0; column < HEAD_DIM; column += 32) {
                u32 words[4];
#pragma unroll
                for (int g = 0; g < 4; ++g) {
                    int first = 4 * (column / 8 + g) + 2 * i;
                    words[g] =
                        keyless ? 0 : pack_elements<ELEMENT>(output[first] * inverse, output[first + 1] * inverse);
                }
                transpose_quad(words, quad_lane);
                if (exists) {
                    *reinterpret_cast<Words4*>(destination + 2 * (column + 8 * quad_lane)) = {words[0], words[1],
                                                                                              words[2], words[3]};
                }
            }
            if (RETURN_LSE && exists && quad_lane == 0) {
                arguments.lse[static_cast<long long>(tile.flat_head) * arguments.query_length + row] =
                    keyless ? MINUS_INFINITY : log_sum_exp(rows.maximum[i], sum, arguments.scale_log2);
            }
        }
        if (COUNT_TILES && warpgroup % DECIDING_WARPGROUPS == 0 && thread == 0) {
            atomicAdd(&arguments.counters[tile.flat_head].visited, static_cast<u64>(visited_units));
            atomicAdd(&arguments.counters[tile.flat_head].skipped, static_cast<u64>(skipped_units));
        }
    }
};

// ==== Entry ====

__device__ __forceinline__ void initialize_barriers(SharedMemory& shared) {
    mbarrier_init(&shared.query_full, 1);
    mbarrier_init(&shared.query_empty, CONSUMER_WARPS);
    for (int stage = 0; stage < KEY_STAGES; ++stage) {
        mbarrier_init(&shared.key_full[stage], 1);
        mbarrier_init(&shared.key_empty[stage], CONSUMER_WARPS);
    }
    for (int stage = 0; stage < VALUE_STAGES; ++stage) {
        for (int barrier = 0; barrier < VALUE_BARRIERS; ++barrier) {
            mbarrier_init(&shared.value_full[stage][barrier], UNITS / VALUE_BARRIERS);  // an arrival for each unit
        }
        mbarrier_init(&shared.value_empty[stage], CONSUMER_WARPS);
    }
    for (int stage = 0; stage < VOTE_STAGES; ++stage) {
        for (int group = 0; group < DECIDING_GROUPS; ++group) {
            mbarrier_init(&shared.voted[stage][group], DECIDING_WARPS);
        }
    }
    mbarrier_init(&shared.value_landed, 1);
    for (int slot = 0; slot < 2; ++slot) {
        mbarrier_init(&shared.next_full[slot], 1);
        mbarrier_init(&shared.next_empty[slot], CONSUMER_WARPS + 1);  // and the V warp
    }
    mbarrier_init_fence();
}

extern __shared__ __align__(1024) u8 dynamic_shared_memory[];

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    skip_softmax_prefill(const __grid_constant__ TensorMap query_map, const __grid_constant__ TensorMap key_map,
                         const __grid_constant__ TensorMap value_map,
                         const __grid_constant__ PrefillArguments arguments) {
    SharedMemory& shared = *reinterpret_cast<SharedMemory*>(dynamic_shared_memory);
    if (threadIdx.x == 0) {
        tma_prefetch_map(&query_map);
        tma_prefetch_map(&key_map);
        tma_prefetch_map(&value_map);
        initialize_barriers(shared);
    }
    __syncthreads();

    // Uniform over each warp, and known to be so.
    int warp = __shfl_sync(0xFFFFFFFFu, threadIdx.x / 32, 0);
    if (warp < 4) {
        release_registers<PRODUCER_REGISTERS>();
        if (warp == 0) {
            produce_query_and_key(shared, arguments, &query_map, &key_map);
        } else if (warp == 1) {
            produce_value(shared, arguments, &value_map);
        }
    } else {
        claim_registers<CONSUMER_REGISTERS>();
        Consumer consumer(shared, arguments, warp / 4 - 1);
        if (consumer.warpgroup == CONSUMER_WARPGROUPS - 1) {
            consumer.pass_turn();  // the first turn is warpgroup 0's
        }
        WorkFeed<SharedMemory> feed{shared};
        for (; feed.next(); feed.done()) {
            consumer.attend(feed);
        }
        if (consumer.warpgroup == 0) {
            consumer.wait_turn();  // takes the turn nobody else will
        }
    }
}
