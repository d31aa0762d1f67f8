// Skip Softmax attention, prefill, for SM90 (Hopper): a persistent, warp-specialized FlashAttention loop whose
// warpgroups vote on each block of keys. One producer warpgroup (a warp for Q and K, a warp for V) feeds
// CONSUMER_WARPGROUPS consumer warpgroups of 64 query rows each through rings in shared memory; a consumer's softmax
// runs under the other consumers' products.
//
// A step takes one product tile of K. There are two kinds (WEIGHT_STEPS):
// - 1, lagging: QKᵀ of the step and P·V of the step before are issued together; weights have registers of their own.
// - 0, in place: P·V follows the step's own softmax, and the weights lie where the logits were, so that three
//   warpgroups have room for 128 keys a step. What is skipped costs QKᵀ and the vote alone.
//
// Who signals what, over barriers in SharedMemory (s: stage, u: unit, g: deciding group):
// - query_full: TMA to consumers, Q of this work tile is there. query_empty: consumer warps, its last QKᵀ is done.
// - key_full[s]: TMA to consumers, a K tile is there. key_empty[s]: consumer warps, its QKᵀ is done.
// - voted[s][g]: voters of the group to the V warp and, where steps lag, to each other: objections[s][g] is complete.
// - value_full[s][u]: TMA and V warp to consumers, the unit is there or is known to be wanted by nobody. A consumer
//   waits in every pass, whether it keeps the unit or not, so that it never falls a phase behind.
//   value_empty[s]: consumer warps, they are done with the stage.
// - value_landed: TMA to the V warp, a unit is there whose rows past the sequence's end must be zeroed first.
// - next_full[s], next_empty[s]: Q/K warp to everybody and back, the next work tile.
#include "../constants/sm90_prefill.cuh"
#include "../ptx/mma.cuh"
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
constexpr int WEIGHTS = KEY_TILE / 4;                  // packed pairs of softmax weights a thread holds of a step
constexpr int DECIDING_WARPGROUPS = QUERY_BLOCK / 64;  // that decide together
static_assert(QUERY_BOX == 64 && QUERY_TILE % QUERY_BLOCK == 0, "a decision's rows belong to one CTA");
constexpr bool IN_PLACE = WEIGHT_STEPS == 0;
static_assert(IN_PLACE ? SKIPS && DECIDING_WARPGROUPS == 1 : WEIGHT_STEPS == 1);
// Whose word in objections: each warp's, or, where all warps of a group meet at a barrier, the group's.
constexpr int VOTERS = IN_PLACE ? 1 : DECIDING_WARPS;
// A consumer waits for units that it has skipped this many steps later, when everybody has long voted on them.
constexpr int SKIPPED_LAG = IN_PLACE ? 2 : 1;
// A vote's stage is written again only when its last reader, the V warp, is known to be done: by a unit of V that was
// waited for.
static_assert(VOTE_STAGES > SKIPPED_LAG && (!IN_PLACE || VALUE_STAGES == 3));
// The dense kernel's products lie on one straight path if its first step is written apart; with wide tiles that costs
// registers, and gains nothing.
constexpr bool FIRST_APART = !SKIPS && KEY_TILE == 64;
// Whether weights are packed among the exponentials, where that costs nothing, but P·V under way, which reads the last
// ones, must be waited for before: not where it takes long and nothing lies between.
constexpr bool PACK_EARLY = IN_PLACE || HEAD_DIM == 64;

// Whether plain steps take maxima as integers once that makes no difference. Not where two warpgroups decide together:
// there some variants would spill.
constexpr bool INTEGER_MAXIMA = SKIPS && DECIDING_WARPGROUPS == 1;

// Named barriers; 0 is __syncthreads.
constexpr int TURN_BARRIER = 1;                                   // + warpgroup: its turn to issue products
constexpr int VOTE_BARRIER = TURN_BARRIER + CONSUMER_WARPGROUPS;  // + group: its vote, where steps are in place

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
    alignas(16) u32 objections[VOTE_STAGES][DECIDING_GROUPS][VOTERS];
    WorkTile work[2];
};

// ==== Consumers ====

// Issues logits = Q·Kᵀ for 64 rows × KEY_TILE keys: `query` and `key` are descriptors of both.
__device__ __forceinline__ void issue_logits(float (&logits)[LOGITS], u64 query, u64 key) {
#pragma unroll
    for (int k = 0; k < HEAD_DIM / 16; ++k) {
        Wgmma<ELEMENT, KEY_TILE>::shared_shared(logits, wgmma_advance(query, k / 4 * 64 * ROW_BYTES + k % 4 * 32),
                                                wgmma_advance(key, k / 4 * KEY_TILE * ROW_BYTES + k % 4 * 32), k != 0);
    }
}

// Issues output += P·V over one unit's keys: `value` is the descriptor of its V.
__device__ __forceinline__ void issue_output(float (&output)[HEAD_DIM / 2], const u32 (&weights)[WEIGHTS], int unit,
                                             u64 value) {
#pragma unroll
    for (int k = 0; k < KEY_BLOCK / 16; ++k) {
        const u32(&a)[4] = *reinterpret_cast<const u32(*)[4]>(&weights[(unit * KEY_BLOCK / 16 + k) * 4]);
        Wgmma<ELEMENT, HEAD_DIM>::register_shared(output, a, wgmma_advance(value, k * 2 * ROW_GROUP_BYTES));
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
    int warp;        // 0 … 3
    int thread;      // 0 … 127
    u32 steps_done;  // counts key steps over all work tiles, and so gives the stages of both rings

    // Of the current work tile.
    float log2_lambda;
    int unmasked_tiles;  // product tiles that every row of this warpgroup sees whole
    int decision_keys;   // keys some row of the decision's rows sees
    u32 unreferenced;    // whether some row of this warp that sees keys has no reference yet
    u32 units_kept;      // of the decision's rows: which bits some step kept by now
    u32 units_counted;   // kept ones
    u32 above_zero;      // whether compares_above_zero() holds of all rows of this warp: 1 if it is known to
    u32 keeps_all;       // whether nothing is negligible: λ is 0, or none
    RowState rows;
    float logits[LOGITS];
    float output[HEAD_DIM / 2];
    u32 weights[WEIGHTS];  // of the step whose P·V is not made yet
    u32 kept_before;       // units of that step
    u32 grown;             // whether references of this warp grew in this step
    u32 growths;           // by how much, in log2 units: a byte for each row

    // In place: stages of V of this step and of SKIPPED_LAG steps before, the parity of each stage's latest use, and
    // before its first that of the phase before the first. And descriptors of this step's K and V, worked out a step
    // ahead, under P·V.
    u32 value_slot;
    u32 skipped_slot;
    u32 value_phases;
    u64 key_operand;
    u64 value_operand;

    __device__ __forceinline__ Consumer(SharedMemory& shared, const PrefillArguments& arguments, int warp)
        : shared(shared),
          arguments(arguments),
          warpgroup(warp / 4),
          warp(warp % 4),
          thread(static_cast<int>(threadIdx.x) % WARPGROUP),
          steps_done(0),
          value_slot(0),
          skipped_slot(1),
          value_phases(6) {
        if constexpr (IN_PLACE) {
            find_operands();
        }
    }

    __device__ __forceinline__ u32 key_stage() const { return steps_done % KEY_STAGES; }

    __device__ __forceinline__ u32 key_parity() const { return steps_done / KEY_STAGES & 1; }

    // Of V of the step whose P·V is made in the current one.
    __device__ __forceinline__ u32 value_stage() const {
        return IN_PLACE ? value_slot : (steps_done - 1) % VALUE_STAGES;
    }

    __device__ __forceinline__ u32 value_parity() const {
        return IN_PLACE ? value_phases >> value_slot & 1 : (steps_done - 1) / VALUE_STAGES & 1;
    }

    __device__ __forceinline__ u64 key_descriptor() const {
        return wgmma_descriptor_k_major(shared_address(shared.key[key_stage()]), ROW_GROUP_BYTES);
    }

    // Of the unit whose keys come first in the tile.
    __device__ __forceinline__ u64 value_descriptor() const {
        return wgmma_descriptor(shared_address(shared.value[value_stage()]), KEY_BLOCK * ROW_BYTES, ROW_GROUP_BYTES);
    }

    __device__ __forceinline__ void find_operands() {
        key_operand = worked_out_here(key_descriptor());
        value_operand = worked_out_here(value_descriptor());
    }

    __device__ __forceinline__ bool warp_leader() const { return thread % 32 == 0; }

    // Warpgroups take turns in issuing products, so that one's softmax runs under the others' products.
    __device__ __forceinline__ void wait_turn() { named_barrier_sync(TURN_BARRIER + warpgroup, 2 * WARPGROUP); }

    __device__ __forceinline__ void pass_turn() {
        named_barrier_arrive(TURN_BARRIER + next_warpgroup(), 2 * WARPGROUP);
    }

    __device__ __forceinline__ int next_warpgroup() const {
        int next = worked_out_anew(warpgroup + 1);
        return next == CONSUMER_WARPGROUPS ? 0 : next;
    }

    // The first of this thread's two rows; the other is 8 further on.
    __device__ __forceinline__ int first_row_of_thread(const WorkTile& tile, int thread) const {
        return tile.first_row + 64 * warpgroup + thread / 32 * 16 + thread % 32 / 4;
    }

    __device__ __forceinline__ void begin(const WorkTile& tile) {
        int thread = thread_index_anew() % WARPGROUP;
        int first_row = tile.first_row + 64 * warpgroup;
        int decision_first = tile.first_row + deciding_group() * QUERY_BLOCK;
        if constexpr (SKIPS) {
            log2_lambda = log2_threshold(arguments, tile);
            keeps_all = warp_all(log2_lambda > MINUS_INFINITY) ? 0 : 1;
        }
        unmasked_tiles = tile.query_length - first_row >= 64 ? tile.visible_keys(first_row, 1) / KEY_TILE : 0;
        decision_keys = tile.visible_keys(decision_first, QUERY_BLOCK);
        unreferenced = 1;
        grown = growths = 0;
        above_zero = 0;
        units_kept = 0;
        kept_before = 0;
        units_counted = 0;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            rows.maximum[i] = MINUS_INFINITY;
            rows.offset[i] = tile.visible_keys(first_row_of_thread(tile, thread) + 8 * i, 1) > 0 ? UNREFERENCED : 0.0f;
            rows.sum[i] = 0.0f;
        }
#pragma unroll
        for (int i = 0; i < HEAD_DIM / 2; ++i) {
            output[i] = 0.0f;
        }
    }

    __device__ __forceinline__ void start_logits() {
        wgmma_hold(logits);
        wgmma_fence();
        u64 query = wgmma_descriptor_k_major(shared_address(shared.query[warpgroup]), ROW_GROUP_BYTES);
        issue_logits(logits, query, IN_PLACE ? key_operand : key_descriptor());
        wgmma_commit();
    }

    // Waits for these units of V.
    __device__ __forceinline__ void await_value(u32 units) {
        if (IN_PLACE && UNITS == 2 && units == ALL_UNITS) {
            mbarrier_wait_both(&shared.value_full[value_slot][0], value_parity(), &shared.value_full[value_slot][1],
                               value_parity());
            return;
        }
#pragma unroll
        for (int unit = 0; unit < UNITS; ++unit) {
            if ((units >> unit & 1) && (SKIPS || unit == 0)) {  // the dense kernel has one barrier for all
                mbarrier_wait(&shared.value_full[value_stage()][unit], value_parity());
            }
        }
    }

    // Issues P·V over these units, whose V is there, as one group.
    template <u32 KEPT>
    __device__ __forceinline__ void start_output() {
        u64 value = IN_PLACE ? value_operand : value_descriptor();
        wgmma_fence();
#pragma unroll
        for (int n = 0; n < UNITS; ++n) {
            int unit = IN_PLACE ? unit_in_order(n) : n;
            if (KEPT >> unit & 1) {
                issue_output(output, weights, unit, wgmma_advance(value, unit * UNIT_BYTES));
            }
        }
        wgmma_commit();
    }

    // With this step's logits in the making: starts P·V of the step before over the units it kept, passes the turn, and
    // waits for the logits but not for P·V. One straight path for each set of units, since the compiler orders products
    // only along straight paths.
    template <u32 KEPT = ALL_UNITS>
    __device__ __forceinline__ void start_output_and_await_logits(u32 kept) {
        if constexpr (KEPT == 0) {
            pass_turn();
            wgmma_wait<0>();
        } else if (kept == KEPT) {
            await_value(KEPT);
            start_output<KEPT>();
            pass_turn();
            wgmma_wait<1>();
        } else {
            start_output_and_await_logits<SKIPS ? KEPT - 1 : 0>(kept);
        }
    }

    // P·V of the last step.
    template <u32 KEPT = ALL_UNITS>
    __device__ __forceinline__ void finish_output(u32 kept) {
        if constexpr (KEPT > 0) {
            if (kept == KEPT) {
                await_value(KEPT);
                start_output<KEPT>();
                wgmma_wait<0>();
            } else {
                finish_output<SKIPS ? KEPT - 1 : 0>(kept);
            }
        }
    }

    // Until P·V under way is made, and its weights may be written over.
    __device__ __forceinline__ void await_output() {
        wgmma_wait<0>();
        wgmma_hold(output);
    }

    __device__ __forceinline__ void release_query() { mbarrier_arrive_if(elect_lane(), &shared.query_empty); }

    __device__ __forceinline__ void release_key() { mbarrier_arrive_if(elect_lane(), &shared.key_empty[key_stage()]); }

    // Units that were not kept are waited for as well: see value_full. By every lane, before the elected one lets the
    // stage go on: a lane left behind could come so late that the barrier is two phases ahead.
    __device__ __forceinline__ void await_skipped(u32 kept) {
        if constexpr (SKIPS) {
            await_value(ALL_UNITS & ~kept);
        }
    }

    __device__ __forceinline__ void release_value() {
        mbarrier_arrive_if(elect_lane(), &shared.value_empty[value_stage()]);
    }

    // The running maxima of whole rows, exchanged between the threads of each.
    __device__ __forceinline__ void share_maxima() {
        if constexpr (SKIPS) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                rows.maximum[i] = row_maximum(rows.maximum[i]);
            }
        }
    }

    // Whether rows of this thread need no logit that isn't above 0 told from 0: neither their running maximum nor what
    // is negligible below it lies there.
    __device__ __forceinline__ bool compares_above_zero() const {
        float margin = log2_lambda < 0.0f ? -log2_lambda : 0.0f;  // none is if λ is 0: see find_maxima
        return rows.maximum[0] * arguments.scale_log2 > margin && rows.maximum[1] * arguments.scale_log2 > margin;
    }

    // This thread's largest logits of each unit; 0 where none is above it, if that makes no difference. False, without
    // them, in a plain step if nothing is negligible: nobody will ask for them.
    template <bool PLAIN>
    __device__ __forceinline__ bool find_maxima(float (&maxima)[UNITS][2]) const {
        if (INTEGER_MAXIMA && PLAIN && above_zero != 0) {
#pragma unroll
            for (int unit = 0; unit < UNITS; ++unit) {
                unit_maxima_above_zero(logits, unit, maxima[unit]);
            }
        } else if (PLAIN && keeps_all != 0) {
            return false;
        } else {
#pragma unroll
            for (int unit = 0; unit < UNITS; ++unit) {
                unit_maxima(logits, unit, maxima[unit]);
            }
        }
        return true;
    }

    // In a plain step, where it can lie under P·V. A maximum never falls, so that what held once goes on holding.
    __device__ __forceinline__ void look_above_zero() {
        if (above_zero == 0) {
            above_zero = warp_all(compares_above_zero()) ? 1 : 0;
        }
    }

    // What is negligible in this thread's rows; nothing before something is kept.
    template <bool PLAIN>
    __device__ __forceinline__ void find_limits(float (&limits)[2]) const {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            limits[i] = PLAIN || units_kept != 0 ? negligible_below(rows.maximum[i], arguments.scale_log2, log2_lambda)
                                                 : MINUS_INFINITY;
        }
    }

    // Takes logits of the kept units into the running maximum of this thread.
    __device__ __forceinline__ void take_maxima(u32 kept, const float (&maxima)[UNITS][2]) {
#pragma unroll
        for (int unit = 0; unit < UNITS; ++unit) {
            if (kept >> unit & 1) {
                rows.maximum[0] = max_with_nan(rows.maximum[0], maxima[unit][0]);
                rows.maximum[1] = max_with_nan(rows.maximum[1], maxima[unit][1]);
            }
        }
    }

    // Decides which units of the step are kept and tells the V warp.
    template <bool PLAIN>
    __device__ __forceinline__ u32 decide(const KeyStep& step, const WorkTile& tile) {
        u32 due = PLAIN ? ALL_UNITS : step.units & units_below(step.tile, decision_keys);
        if constexpr (!SKIPS) {
            record(step, tile, due, due);
            return ALL_UNITS;
        } else {
            float maxima[UNITS][2];
            if (!find_maxima<PLAIN>(maxima)) {
                return keep_all(step, tile);
            }
            if constexpr (UNITS > 1) {  // the second decision compares with whole rows
                float(&first)[2] = maxima[unit_in_order(0)];
                first[0] = row_maximum(first[0]);
                first[1] = row_maximum(first[1]);
            }
            u32 kept = vote<PLAIN>(maxima, due);
            take_maxima(kept, maxima);
            record(step, tile, due, kept);
            if (!PLAIN) {
                units_kept |= kept;
            }
            return kept;
        }
    }

    // Decides a plain step without asking anybody.
    __device__ __forceinline__ u32 keep_all(const KeyStep& step, const WorkTile& tile) {
        publish(OBJECTS_FIRST | OBJECTS_SECOND_AFTER_KEEP | OBJECTS_SECOND_AFTER_SKIP);
        record(step, tile, ALL_UNITS, ALL_UNITS);
        return ALL_UNITS;
    }

    __device__ __forceinline__ u32 vote_stage() const { return IN_PLACE ? value_slot : steps_done % VOTE_STAGES; }

    __device__ __forceinline__ int deciding_group() const { return warpgroup / DECIDING_WARPGROUPS; }

    // Tells the V warp, and who else waits, what this warp objects to or, in place, its warpgroup.
    __device__ __forceinline__ void publish(u32 objections) {
        u32 stage = vote_stage();
        int group = deciding_group();
        int member = IN_PLACE ? 0 : warpgroup % DECIDING_WARPGROUPS * 4 + warp;
        bool speaks = IN_PLACE ? thread == 0 : warp_leader();
        if (speaks) {
            shared.objections[stage][group][member] = objections;
        }
        mbarrier_arrive_if(speaks, &shared.voted[stage][group]);
    }

    // The vote on the units that are due. Every warp publishes what it objects to; one that objects to skipping
    // anything need not wait for the others, since one objection is enough.
    template <bool PLAIN>
    __device__ __forceinline__ u32 vote(const float (&maxima)[UNITS][2], u32 due) {
        float limits[2];
        find_limits<PLAIN>(limits);
        Objections own = object_to_skipping(maxima, rows.maximum, limits, due, arguments.scale_log2, log2_lambda);
        u32 objections = objections_of_warp(own.raised);
        publish(objections);
        if ((objections & own.decisive) != own.decisive) {
            u32 stage = vote_stage();
            int group = deciding_group();
            mbarrier_wait(&shared.voted[stage][group], steps_done / VOTE_STAGES & 1);
            // Every lane reads all: it has no address of its own to keep.
            objections = objections_of_warp(objections_of_group(shared.objections[stage][group]));
        }
        return kept_units(objections);
    }

    // decide() for steps in place: `limits` as find_limits() gives them, and all warps meet at a barrier that ors what
    // they object to. With QKᵀ made, they come together, and nothing is read after the barrier but its result.
    template <bool PLAIN>
    __device__ __forceinline__ u32 decide_together(const KeyStep& step, const WorkTile& tile,
                                                   const float (&limits)[2]) {
        u32 due = PLAIN ? ALL_UNITS : step.units & units_below(step.tile, decision_keys);
        float maxima[UNITS][2];
        if (!find_maxima<PLAIN>(maxima)) {
            return keep_all(step, tile);
        }
        constexpr int FIRST = unit_in_order(0);
        bool objects = (due >> FIRST & 1) != 0 && !unit_is_negligible(maxima[FIRST], limits, arguments.scale_log2);
        bool first_kept = any_of_group(objects);
        bool second_kept = false;
        if constexpr (UNITS > 1) {
            constexpr int SECOND = unit_in_order(1);
            bool second_due = (due >> SECOND & 1) != 0;
            bool objects_second = second_due && !unit_is_negligible(maxima[SECOND], limits, arguments.scale_log2);
            bool grows = false;
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                grows |= !(maxima[FIRST][i] <= rows.maximum[i]);  // NaN too
            }
            // Limits are others after the first unit if that is kept, and is the first of all or has a row's largest
            // logit so far.
            if (first_kept && ((!PLAIN && units_kept == 0) || warp_any(grows))) {
                float after_first[2];
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    after_first[i] = negligible_below(max_with_nan(rows.maximum[i], row_maximum(maxima[FIRST][i])),
                                                      arguments.scale_log2, log2_lambda);
                }
                objects_second = second_due && !unit_is_negligible(maxima[SECOND], after_first, arguments.scale_log2);
            }
            second_kept = any_of_group(objects_second);
        }
        publish((first_kept ? OBJECTS_FIRST : 0) |
                (second_kept ? OBJECTS_SECOND_AFTER_KEEP | OBJECTS_SECOND_AFTER_SKIP : 0));
        u32 kept = (first_kept ? 1u << FIRST : 0) | (second_kept ? 1u << unit_in_order(UNITS - 1) : 0);
        take_maxima(kept, maxima);
        record(step, tile, due, kept);
        if (!PLAIN) {
            units_kept |= kept;
        }
        return kept;
    }

    // Whether `condition` holds for any thread of this warpgroup, which all must ask; known to be uniform.
    __device__ __forceinline__ bool any_of_group(bool condition) {
        return warp_any(named_barrier_any(VOTE_BARRIER + warpgroup, WARPGROUP, condition));
    }

    __device__ __forceinline__ void record(const KeyStep& step, const WorkTile& tile, u32 visited, u32 kept) {
        if (COUNT_TILES) {
            units_counted += __popc(kept);
        }
        if (RECORD_DECISIONS && warpgroup % DECIDING_WARPGROUPS == 0 && thread < UNITS && (visited >> thread & 1)) {
            int block = (tile.first_row + 64 * warpgroup) / QUERY_BLOCK;
            long long row = static_cast<long long>(tile.flat_head) * arguments.query_blocks + block;
            arguments.decisions[row * arguments.key_blocks + step.tile * UNITS + thread] =
                kept >> thread & 1 ? KEPT : SKIPPED;
        }
    }

    // From logits to weights against the rows' references, for KEPT units, packed where PACK_EARLY, and added to the
    // denominators. False, with the logits lost and the denominators as they were, if a weight of this warp is too
    // large for its reference, unless `anyway`. Waits for `awaited` units of V: here, since the sums don't wait for
    // that.
    template <u32 KEPT>
    __device__ __forceinline__ bool weigh(bool anyway, u32 awaited = 0) {
        float sums[2][2] = {{0.0f, 0.0f}, {0.0f, 0.0f}};
        if (!IN_PLACE) {
            share_maxima();  // here, since the exchange and the exponentials don't wait for each other
        }
#pragma unroll
        for (int unit = 0; unit < UNITS; ++unit) {
            if (KEPT >> unit & 1) {
                exponentiate_unit(logits, unit, arguments.scale_log2, rows.offset, sums);
            }
        }
        await_value(awaited);
        float sum[2];
        bool fits = true;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            sum[i] = sums[i][0] + sums[i][1];
            fits &= (sum[i] <= LARGEST_SUM) | (rows.sum[i] != rows.sum[i]);  // a row that is NaN stays so
        }
        if (PACK_EARLY) {
            pack_weights<IN_PLACE ? KEPT : ALL_UNITS>();
        }
        if (warp_any(!fits & !anyway)) {
            return false;
        }
        rows.sum[0] += sum[0];
        rows.sum[1] += sum[1];
        return true;
    }

    // New references: the rows' largest logits of the kept units. They grow by whole numbers, so that what is taken
    // over is multiplied with powers of two, and nothing is rounded.
    __device__ __forceinline__ void take_references(u32 kept) {
        float largest[2] = {MINUS_INFINITY, MINUS_INFINITY};
#pragma unroll
        for (int unit = 0; unit < UNITS; ++unit) {
            if (!SKIPS || (kept >> unit & 1)) {
                float maxima[2];
                unit_maxima(logits, unit, maxima);
                largest[0] = max_with_nan(largest[0], maxima[0]);
                largest[1] = max_with_nan(largest[1], maxima[1]);
            }
        }
        bool without = false;
        u32 growth_of_step = 0;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            float reference = __fmul_rn(row_maximum(largest[i]), arguments.scale_log2);
            if (rows.offset[i] == UNREFERENCED) {
                rows.offset[i] = max_with_nan(reference, UNREFERENCED);
            } else {
                float growth = ceilf(reference - rows.offset[i]);
                if (!(growth <= 0.0f)) {  // NaN too
                    rows.offset[i] += growth;
                    u32 capped = growth < 127.0f ? static_cast<u32>(growth) : 127u;
                    growth_of_step |= capped << 8 * i;
                    rows.sum[i] *= inverse_power_of_two(capped);
                }
            }
            without |= rows.offset[i] == UNREFERENCED;
        }
        unreferenced = warp_any(without) ? 1 : 0;
        if (warp_any(growth_of_step != 0)) {
            growths = growth_of_step;
            if (IN_PLACE) {
                rescale_output();
            } else {
                grown = 1;  // P·V is under way
            }
        }
    }

    // This warp's logits once more, where weigh() has lost them: other warps may be at other work, so by products of
    // one warp (ptx/mma.cuh), whose fragments lie as those of wgmma. The stage of K must not have been released.
    __device__ __forceinline__ void recompute_logits() {
        int thread = thread_index_anew() % WARPGROUP;
        int lane = thread % 32;
        u32 query_row = thread / 32 * 16 + lane % 16;
        u32 query = shared_address(shared.query[warpgroup]) + query_row * ROW_BYTES;
        u32 key_row = lane % 8 + lane / 16 * 8;
        u32 key = shared_address(shared.key[key_stage()]) + key_row * ROW_BYTES;
#pragma unroll
        for (int i = 0; i < LOGITS; ++i) {
            logits[i] = 0.0f;
        }
#pragma unroll 1
        for (int k = 0; k < HEAD_DIM / 16; ++k) {  // two 16-byte units of a row, swizzled
            u32 a[4];
            ldmatrix_x4(a, query + k / 4 * 64 * ROW_BYTES + ((k % 4 * 2 + lane / 16 ^ query_row % 8) << 4));
            u32 b_row = key + k / 4 * KEY_TILE * ROW_BYTES + ((k % 4 * 2 + lane / 8 % 2 ^ key_row % 8) << 4);
#pragma unroll
            for (int j = 0; j < KEY_TILE / 16; ++j) {
                u32 b[4];
                ldmatrix_x4(b, b_row + j * 16 * ROW_BYTES);
#pragma unroll
                for (int n = 0; n < 2; ++n) {
                    float(&d)[4] = *reinterpret_cast<float(*)[4]>(&logits[8 * j + 4 * n]);
                    Mma<ELEMENT>::multiply_add(d, a, b[2 * n], b[2 * n + 1]);
                }
            }
        }
    }

    // weigh() of the units that are kept; at least one is.
    template <u32 KEPT = ALL_UNITS>
    __device__ __forceinline__ bool weigh_kept(u32 kept, bool anyway) {
        if (!SKIPS || KEPT == 1 || kept == KEPT) {
            return weigh<KEPT>(anyway);
        }
        return weigh_kept<(KEPT > 1 ? KEPT - 1 : 1)>(kept, anyway);
    }

    // Before the weights of a step are taken: references of rows that have none. Whether any were taken.
    template <bool PLAIN>
    __device__ __forceinline__ bool take_first_references(u32 kept) {
        if (PLAIN || unreferenced == 0) {
            return false;
        }
        take_references(kept);
        return true;
    }

    // After weigh() has failed.
    template <bool PLAIN>
    __device__ __forceinline__ void take_references_anew(u32 kept, const KeyStep& step, const WorkTile& tile) {
        recompute_logits();
        if (!PLAIN) {
            mask_if_needed(step, tile);
        }
        take_references(kept);
    }

    // weigh(), with new references where a weight is too large.
    template <bool PLAIN, u32 KEPT = ALL_UNITS>
    __device__ __forceinline__ void weigh_until_it_fits(u32 kept, bool anyway, const KeyStep& step,
                                                        const WorkTile& tile) {
        while (!weigh_kept<KEPT>(kept, anyway)) {
            take_references_anew<PLAIN>(kept, step, tile);
            anyway = true;
        }
    }

    // Numerators against the references of the weights that come next.
    __device__ __forceinline__ void rescale_output() {
        float factor[2] = {inverse_power_of_two(growths & 0xFF), inverse_power_of_two(growths >> 8)};
#pragma unroll
        for (int j = 0; j < HEAD_DIM / 8; ++j) {
#pragma unroll
            for (int c = 0; c < 4; ++c) {
                output[4 * j + c] *= factor[c / 2];
            }
        }
    }

    // Weights of PACKED units as the A operand of P·V: the accumulator's layout is the operand's, pair by pair.
    template <u32 PACKED>
    __device__ __forceinline__ void pack_weights() {
#pragma unroll
        for (int i = 0; i < WEIGHTS; ++i) {
            if (PACKED >> 2 * i / UNIT_LOGITS & 1) {
                weights[i] = pack_elements<ELEMENT>(logits[2 * i], logits[2 * i + 1]);
            }
        }
    }

    __device__ __forceinline__ void mask_if_needed(const KeyStep& step, const WorkTile& tile) {
        if (step.tile >= unmasked_tiles) {
            int thread = thread_index_anew() % WARPGROUP;
            int row = first_row_of_thread(tile, thread);
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
        wgmma_hold(logits);  // one set of registers, masked or not
    }

    // One lagging step over a product tile: its logits, P·V of the step before, and its weights. FIRST: there is none
    // before; said where FIRST_APART. PLAIN: there is one, every row sees the whole tile, and something has been kept
    // by now.
    template <bool PLAIN, bool FIRST = false>
    __device__ __forceinline__ void take_step(int s, const KeyWalk& walk, const WorkTile& tile) {
        KeyStep step = walk.step(s);
        bool earlier = PLAIN || s > 0;
        mbarrier_wait(&shared.key_full[key_stage()], key_parity());
        wait_turn();
        wgmma_hold(output);
        wgmma_hold(weights);
        start_logits();
        constexpr u32 KEPT = FIRST ? 0 : ALL_UNITS;
        start_output_and_await_logits<KEPT>(FIRST_APART || (PLAIN && !SKIPS) ? KEPT : kept_before);
        wgmma_hold(logits);
        if (!PLAIN) {
            mask_if_needed(step, tile);
        }
        u32 kept = decide<PLAIN>(step, tile);
        if (PACK_EARLY) {
            await_output();
        }
        grown = 0;
        if (!SKIPS || kept != 0) {
            weigh_until_it_fits<PLAIN>(kept, take_first_references<PLAIN>(kept), step, tile);
        }
        release_key();
        if constexpr (INTEGER_MAXIMA && PLAIN) {
            look_above_zero();
        }
        if (!PACK_EARLY) {
            await_output();
        }
        if (earlier) {
            await_skipped(kept_before);  // late: what becomes of the last vote must not hold up this one
            release_value();
        }
        if (grown != 0) {
            rescale_output();
        }
        if (!PACK_EARLY && (!SKIPS || kept != 0)) {
            pack_weights<ALL_UNITS>();
        }
        kept_before = kept;
        ++steps_done;
    }

    // P·V of the step that take_step() has left.
    __device__ __forceinline__ void finish_step() {
        wgmma_hold(output);
        wgmma_hold(weights);
        finish_output(kept_before);
        await_skipped(kept_before);
        wgmma_hold(output);
        release_value();
    }

    // One step in place: its logits, its softmax, and its P·V. Its K has been waited for. PLAIN: every row sees the
    // whole tile, and something has been kept by now.
    template <bool PLAIN>
    __device__ __forceinline__ void take_step_in_place(int s, const KeyWalk& walk, const WorkTile& tile) {
        KeyStep step = walk.step(s);
        wait_turn();
        start_logits();
        pass_turn();
        if (steps_done >= SKIPPED_LAG) {
            mbarrier_arrive_if(elect_lane(), &shared.value_empty[skipped_slot]);
        }
        float limits[2];  // under QKᵀ
        find_limits<PLAIN>(limits);
        limits[0] = worked_out_here(limits[0]);
        limits[1] = worked_out_here(limits[1]);
        wgmma_wait<0>();
        wgmma_hold(logits);
        if (!PLAIN) {
            mask_if_needed(step, tile);
        }
        u32 kept = decide_together<PLAIN>(step, tile, limits);
        if (kept == 0) {
            release_key();
            go_on(s, walk);
            return;
        }
        if constexpr (PLAIN) {
            attend_units(worked_out_anew(kept), s, walk, tile);
        } else {
            share_maxima();
            attend_unit<unit_in_order(0)>(kept, step, tile);
            if constexpr (UNITS > 1) {
                attend_unit<unit_in_order(1)>(kept, step, tile);
            }
            release_key();
            go_on(s, walk);
        }
    }

    // The rest of a plain step in place that keeps units: one straight path for each set of them. Unit by unit, as if
    // each were a product tile, so that a dense kernel whose tiles they are has the same bits; what a warp does about
    // weights that are too large lies between products, which all warps of the warpgroup issue together.
    template <u32 KEPT = ALL_UNITS>
    __device__ __forceinline__ void attend_units(u32 kept, int s, const KeyWalk& walk, const WorkTile& tile) {
        if (KEPT != 1 && (KEPT & ~kept) != 0) {  // of `kept != KEPT` ptxas would make a jump table, which takes longer
            attend_units<(KEPT > 1 ? KEPT - 1 : 1)>(kept, s, walk, tile);
            return;
        }
        constexpr u32 FIRST = KEPT == ALL_UNITS ? 1u << unit_in_order(0) : KEPT;
        constexpr u32 SECOND = KEPT & ~FIRST;
        if (!weigh<FIRST>(false, UNITS == 1 ? ALL_UNITS : 0)) {
            take_references_anew<true>(FIRST, walk.step(s), tile);
            weigh<FIRST>(true);
        }
        bool fits = SECOND == 0 || weigh<SECOND>(false, ALL_UNITS);
        if (KEPT != ALL_UNITS) {
            await_value(KEPT);
        }
        if (fits) {
            release_key();
        }
        wgmma_hold(output);
        wgmma_hold(weights);
        start_output<FIRST>();
        if constexpr (SECOND != 0) {
            if (!fits) {
                await_output();
                take_references_anew<true>(SECOND, walk.step(s), tile);
                weigh<SECOND>(true);
                release_key();
            }
            start_output<SECOND>();
        }
        share_maxima();  // under P·V, as what follows
        look_above_zero();
        go_on(s, walk);
        await_output();
    }

    // Softmax and P·V of one unit of a step in place that is not plain, if it is kept.
    template <int UNIT>
    __device__ __forceinline__ void attend_unit(u32 kept, const KeyStep& step, const WorkTile& tile) {
        if (UNITS > 1 && (kept >> UNIT & 1) == 0) {
            return;
        }
        weigh_until_it_fits<false, 1u << UNIT>(1u << UNIT, take_first_references<false>(1u << UNIT), step, tile);
        wgmma_hold(output);
        wgmma_hold(weights);
        await_value(1u << UNIT);
        start_output<1u << UNIT>();
        await_output();
    }

    // On to the next step in place, and waits for its K.
    __device__ __forceinline__ void go_on(int s, const KeyWalk& walk) {
        u32 next_skipped = 3 - value_slot - skipped_slot;
        value_slot = skipped_slot;
        skipped_slot = next_skipped;
        value_phases ^= 1u << value_slot;
        ++steps_done;
        find_operands();
        if (s + 1 < walk.steps) {
            await_key();
        }
    }

    // K of the next step in place and, see value_full, V of SKIPPED_LAG steps before it, which is there: one unit says
    // that the V warp is done with all before it, and turns, that the others are.
    __device__ __forceinline__ void await_key() {
        u32 parity = value_phases >> skipped_slot & 1;
        mbarrier_wait_both(&shared.key_full[key_stage()], key_parity(), &shared.value_full[skipped_slot][0], parity);
    }

    template <bool PLAIN>
    __device__ __forceinline__ void take_step_of_kind(int s, const KeyWalk& walk, const WorkTile& tile) {
        if constexpr (IN_PLACE) {
            take_step_in_place<PLAIN>(s, walk, tile);
        } else {
            take_step<PLAIN>(s, walk, tile);
        }
    }

    __device__ __forceinline__ void attend(const WorkFeed<SharedMemory>& feed) {
        begin(feed.current());
        KeyWalk walk(warp_uniform(feed.current().visible_keys(feed.current().first_row, QUERY_TILE)));
        mbarrier_wait(&shared.query_full, feed.ring.count & 1);
        int s = 0;
        if (IN_PLACE && walk.steps > 0) {
            await_key();
        }
        if constexpr (FIRST_APART) {
            if (walk.steps > 0) {
                take_step<false, true>(s++, walk, feed.current());
            }
        }
        while (s < walk.steps) {
            if (s > 0 && s >= walk.steps_before_whole(unmasked_tiles) && (!SKIPS || units_kept != 0)) {
                for (; s < walk.steps_till_whole(unmasked_tiles); ++s) {
                    take_step_of_kind<true>(s, walk, feed.current());
                }
                if (s == walk.steps) {
                    break;
                }
                // As it is or, of unreferenced rows, as good: so that neither need be kept over the loop.
                units_kept = ALL_UNITS;
                unreferenced = 0;
            }
            take_step_of_kind<false>(s++, walk, feed.current());
        }
        release_query();  // early: the next work tile's Q is then on its way while this one ends
        if (!IN_PLACE && walk.steps > 0) {
            finish_step();
        }
        finish(feed.current());
    }

    // Divides by the denominators and writes O, LSE and counters of the rows that exist.
    __device__ __forceinline__ void finish(const WorkTile& tile) {
        int thread = thread_index_anew() % WARPGROUP;
        int first_row = first_row_of_thread(tile, thread);
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
                    keyless ? MINUS_INFINITY : log_sum_exp(rows.offset[i], sum, 1.0f);
            }
        }
        if (COUNT_TILES && warpgroup % DECIDING_WARPGROUPS == 0 && thread == 0) {
            u32 visited = ceiling_divide(decision_keys, KEY_BLOCK);
            atomicAdd(&arguments.counters[tile.flat_head].visited, static_cast<u64>(visited));
            atomicAdd(&arguments.counters[tile.flat_head].skipped, static_cast<u64>(visited - units_counted));
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
            mbarrier_init(&shared.voted[stage][group], VOTERS);
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
        Consumer consumer(shared, arguments, warp - 4);
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
