#pragma once
// Decode: one pass over K, and over those tiles of V that count. All query rows that share a key/value head (the query
// heads of its group, times the query tokens) are attended to together, and decide together. Products are mma.sync,
// which every target has: the constants, which the kernel includes first, fit the loop to its chip.
//
// A CTA has TEAMS teams of TEAM_WARPS warps. A team works by itself on its own tiles of KEY_BLOCK keys, a warp of it on
// 16 of the rows; its leading lane requests its tiles by TMA into its own STAGES stages of shared memory. K runs ahead;
// when a tile has been judged, its V, if it is kept, is requested into the stage that its K leaves, and multiplied one
// step later, under the next tile's scores. So whenever a team waits, all of its stages but the one it waits for, and
// that one, are in flight.
//
// A tile is judged against the seed of each row: its largest logit in the sink tile and the newest tile of the
// sequence. Whether a tile is skipped thus depends neither on the order of tiles nor on how they are shared out. One
// team scores the sink tile for all teams of the CTA, another the newest.
//
// Memory is idle before the first request and after the last, so both ends are short: each team requests its first K
// before it meets the others, and a CTA arrives with its part of a head as soon as that is written.
//
// Who signals what:
//
// full[team][stage]: TMA to the team, the requested tile is there. A stage is free again when the team has synchronized
// after reading it (a warp by __syncwarp, more by their named barrier): requests need no further barrier.
//
// seeded[turn]: lanes that hold a seed tile's row maxima to everybody, seed_maxima of this segment are there. One of
// the two completes, by turns, for each segment that has tiles to be judged.
//
// FILLED, FREE (named barriers): the other teams to team 0 and back, what they made of the segment lies in `exchange`.
// They go on to the next segment meanwhile. Through them no team is more than one segment ahead of another, so that two
// turns of the seeds are enough.
#include "../ptx/global.cuh"
#include "../ptx/grid.cuh"
#include "../ptx/mma.cuh"
#include "../ptx/tma.cuh"
#include "../ptx/warpgroup.cuh"
#include "combine.cuh"
#include "decode_arguments.cuh"
#include "elements.cuh"
#include "rows.cuh"
#include "segments.cuh"
#include "shares.cuh"

constexpr int TEAM_WARPS = ROWS / 16;
constexpr int WARPS = TEAMS * TEAM_WARPS;
constexpr int THREADS = 32 * WARPS;
constexpr int PANELS = HEAD_DIM / 64;  // a panel: 64 elements, 128 bytes, the width of the swizzle
constexpr int ROW_BYTES = 128;         // of a panel
constexpr int BOX_TOKENS = PAGE_SIZE == 0 || PAGE_SIZE > KEY_BLOCK ? KEY_BLOCK : PAGE_SIZE;  // of a TMA load
constexpr int PAGE_TOKENS = PAGE_SIZE == 0 ? KEY_BLOCK : PAGE_SIZE;
constexpr int BOXES = KEY_BLOCK / BOX_TOKENS;
constexpr int BOX_BYTES = PANELS * BOX_TOKENS * ROW_BYTES;
constexpr int TILE_BYTES = BOXES * BOX_BYTES;
constexpr int KEY_STEPS = KEY_BLOCK / 16;     // of 16 keys, the inner dimension of one product of P·V
constexpr int HEAD_STEPS = HEAD_DIM / 16;     // of 16 elements, the inner dimension of one product of Q·Kᵀ
constexpr int SCORE_COLUMNS = KEY_BLOCK / 8;  // products across a tile's keys
// A tile's softmax is taken before P·V of the tile before, whose V then has longer to come, where two tiles' P fit the
// registers beside O.
constexpr bool SOFTMAX_FIRST = HEAD_DIM <= 128;
constexpr int SEED_ARRIVALS = 2 * TEAM_WARPS * 8;  // two tiles, a lane for every two rows
constexpr int EXCHANGES = TEAMS > 1 ? TEAMS - 1 : 0;
static_assert(KEY_BLOCK == 64 && HEAD_DIM % 64 == 0 && ROWS % 16 == 0);
static_assert(BOX_TOKENS % 16 == 0, "16 rows of a tile lie in one box");
static_assert(STAGES >= 2 && STAGES <= 15, "the queue holds 15 stages");
static_assert(TEAM_WARPS * sizeof(Share) <= STAGES * TILE_BYTES, "a team's shares fit its ring");

// Named barriers; 0 is __syncthreads.
constexpr int FILLED_BARRIER = 1;
constexpr int FREE_BARRIER = 2;
constexpr int TEAM_BARRIER = 3;  // + team

struct alignas(16) Float4 {
    float x, y, z, w;
};

struct QueryFragments {
    u32 words[HEAD_STEPS][32][4];
};

// Where a warp's requests of K stand. In shared memory, as SegmentWalk.
struct Requests {
    SegmentWalk walk;
    int visited;  // the team's tiles of the segment that it works at: lane 0's
    int skipped;
};

struct SharedMemory {
    // [box][panel][token][64 elements], 128-byte swizzle. At the end, what each team made of the last segment.
    alignas(1024) u8 tiles[TEAMS][STAGES][TILE_BYTES];
    alignas(16) u8 exchange[EXCHANGES * TEAM_WARPS * sizeof(Share) + 16];
    alignas(16) u8 query[(QUERY_IN_SHARED ? WARPS * sizeof(QueryFragments) : 0) + 16];
    float seed_maxima[2][2][ROWS];  // [turn][sink, newest][row], of q·k
    Mbarrier full[TEAMS][STAGES];
    Mbarrier seeded[2];        // by turns, as seed_maxima
    SegmentWalk walks[WARPS];  // where each warp's work stands
    Requests requests[WARPS];
    Partition shares;
    // What combining wants. The CTA's last segment's head, if it is a part of one, and which slices of it are this
    // CTA's; the first one's, if this CTA was the last to arrive there and has slices to take over.
    u32 launch;
    OpenHead last_head;
    OpenHead first_head;
    Segment first_segment;
    u32 last_slices;
    u32 first_slices;
};

constexpr int NO_INDEX = 0x3FFFFFFF;  // past the end of any list

template <bool FIT_A_WORD>
struct StageQueueBits {
    using Type = u64;
};

template <>
struct StageQueueBits<true> {
    using Type = u32;
};

// Stages of the ring in the order in which their K tiles are to be scored: a queue of 4-bit numbers, with a 1 behind
// the last. As few registers as it can be, since wide heads leave none.
struct StageQueue {
    using Bits = StageQueueBits<STAGES <= 7>::Type;

    Bits stages = 1;

    __device__ __forceinline__ void push(int stage) {
        Bits end = Bits(1) << (sizeof(Bits) == 4 ? 31 - __clz(static_cast<int>(stages))
                                                 : 63 - __clzll(static_cast<long long>(stages)));
        stages += (static_cast<Bits>(stage) + 15) * end;
    }

    __device__ __forceinline__ int pop() {
        int stage = static_cast<int>(stages & 15);
        stages >>= 4;
        return stage;
    }
};

__device__ __forceinline__ void report(const DecodeArguments& arguments, DecodeStatus status) {
    if (arguments.status != nullptr) {
        global_or(arguments.status, status);
    }
}

// One warp of a team. What concerns the team's stages, all of its warps compute alike.
struct Worker {
    SharedMemory& shared;
    const DecodeArguments& arguments;
    const TensorMap* key_map;
    const TensorMap* value_map;
    int lane;
    int warp;
    int team;
    int member;  // warp of the team: its rows are 16 · member …

    // The stages.
    StageQueue keys;
    u32 parities;  // of the phase to wait for next, a bit for each stage
    // The next K to be requested, in the list of the segment where requests stand.
    TileCursor next_key = {NO_INDEX, 0, 0};

    // The rows of this thread: lane / 4 and lane / 4 + 8 of its warp's.
    bool valid[2];
    float threshold[2];  // scaled logits below it are negligible
    float maximum[2];    // running, of q·k
    float sum[2];        // this thread's share
    float numerator[OUTPUT_COLUMNS][4];
    u32 weights[KEY_STEPS][4];  // P of the tile whose V is awaited
    u32 query[QUERY_IN_SHARED ? 1 : HEAD_STEPS][4];
    u32 key_row;  // offsets in a tile of what this lane loads by ldmatrix, see place_rows
    u32 value_row;
    u32 seed_turn;  // counts segments with tiles to be judged

    __device__ __forceinline__ Worker(SharedMemory& shared, const DecodeArguments& arguments, const TensorMap* key_map,
                                      const TensorMap* value_map, int warp)
        : shared(shared),
          arguments(arguments),
          key_map(key_map),
          value_map(value_map),
          lane(static_cast<int>(threadIdx.x) % 32),
          warp(warp),
          team(TEAMS == 1 ? 0 : warp / TEAM_WARPS),
          member(TEAMS == 1 ? warp : warp % TEAM_WARPS),
          parities(0),
          seed_turn(0) {
        place_rows();
    }

    // Row and 16-byte unit that this lane's address of an ldmatrix names, within 16 keys and the first 32 bytes of a
    // panel: for K, matrices 0 and 1 are the halves of 16 elements for keys 0 … 7, 2 and 3 for keys 8 … 15; for V, 0
    // and 1 are keys 0 … 7 and 8 … 15 of 8 elements, 2 and 3 of the next 8. The swizzle xors the unit with the row.
    __device__ __forceinline__ void place_rows() {
        u32 row = lane % 8;
        u32 low = lane / 8 % 2;
        u32 high = lane / 16;
        key_row = (8 * high + row) * ROW_BYTES + ((low ^ row) << 4);
        value_row = (8 * low + row) * ROW_BYTES + ((high ^ row) << 4);
    }

    // ==== The team and its stages ====

    __device__ __forceinline__ void team_sync() const {
        if constexpr (TEAM_WARPS == 1) {
            __syncwarp();
        } else {
            named_barrier_sync(TEAM_BARRIER + team, 32 * TEAM_WARPS);
        }
    }

    __device__ __forceinline__ bool team_any(bool condition) const {
        if constexpr (TEAM_WARPS == 1) {
            return warp_any(condition);
        } else {
            return named_barrier_any(TEAM_BARRIER + team, 32 * TEAM_WARPS, condition);
        }
    }

    // The team's own requests may follow at once; others may use the barriers after __syncthreads.
    __device__ __forceinline__ void init_stages() {
        if (member == 0 && lane == 0) {
            for (int stage = 0; stage < STAGES; ++stage) {
                mbarrier_init(&shared.full[team][stage], 1);
            }
            mbarrier_init_fence();
        }
    }

    __device__ __forceinline__ u8* stage_memory(int stage) const { return shared.tiles[team][stage]; }

    // Requests a tile into a stage that the whole team is done with. `first`: before anything else has been read.
    __device__ __forceinline__ void request(int stage, const TensorMap* map, const Segment& segment, int tile,
                                            bool first = false) {
        if (member != 0) {
            return;
        }
        Mbarrier* full = &shared.full[team][stage];
        if constexpr (PAGE_SIZE == 0) {
            if (lane == 0) {
                mbarrier_arrive_expect_bytes(full, TILE_BYTES);
                if (first) {
                    grid_wait();
                }
                tma_load_5d_once(stage_memory(stage), map, full, 0, tile * KEY_BLOCK, 0, segment.head,
                                 segment.sequence);
            }
        } else {
            int boxes = min(ceiling_divide(segment.key_length - tile * KEY_BLOCK, BOX_TOKENS), BOXES);
            if (lane == 0) {
                mbarrier_arrive_expect_bytes(full, boxes * BOX_BYTES);
            }
            __syncwarp();
            if (first) {
                grid_wait();
            }
            if (lane < boxes) {  // entries past the sequence's end are never read
                int token = tile * KEY_BLOCK + lane * BOX_TOKENS;
                int page = arguments.block_table[static_cast<long long>(segment.sequence) * arguments.table_width +
                                                 token / PAGE_TOKENS];
                if (static_cast<u32>(page) >= static_cast<u32>(arguments.pages)) {
                    report(arguments, PAGE_OUT_OF_RANGE);
                    page = -1;  // out of the tensor map's bounds: zeros arrive
                }
                tma_load_5d_once(stage_memory(stage) + lane * BOX_BYTES, map, full, 0, token % PAGE_TOKENS, 0,
                                 segment.head, page);
            }
        }
    }

    // Requests the next K tile, if there is one, into a free stage.
    __device__ __forceinline__ void request_key(int stage, bool first = false) {
        SegmentWalk& walk = requests_of_warp().walk;
        TileList list{walk.segment};
        int tile;
        if (LIMITS_IN_REGISTERS && next_key.index >= 2 && !list.at_end(next_key)) {
            tile = list.tile_of_rest(next_key);
        } else {
            while (list.at_end(next_key)) {
                if (!walk.next(arguments)) {
                    return;
                }
                prefetch_query(walk.segment);
                next_key = list.cursor(team);
            }
            tile = list.tile(next_key);
        }
        request(stage, key_map, walk.segment, tile, first);
        keys.push(stage);
        list.advance(next_key);
    }

    __device__ __forceinline__ Requests& requests_of_warp() const { return shared.requests[warp]; }

    __device__ __forceinline__ void request_first_keys(const SegmentWalk& walk) {
        if (lane == 0) {
            requests_of_warp().walk = walk;
        }
        __syncwarp();
#pragma unroll 1
        for (int stage = 0; stage < STAGES; ++stage) {
            request_key(stage, true);
        }
        grid_wait();
    }

    __device__ __forceinline__ void wait(int stage) {
        mbarrier_wait(&shared.full[team][stage], parities >> stage & 1);
        parities ^= 1u << stage;
    }

    // Zeroes a tile's rows from `valid` on, which may hold anything, NaN too: a weight of 0 does not silence that.
    __device__ __forceinline__ void zero_rows(int stage, int valid) {
        constexpr int UNITS = PANELS * ROW_BYTES / 16;
#pragma unroll 1
        for (int i = 32 * member + lane; i < (KEY_BLOCK - valid) * UNITS; i += 32 * TEAM_WARPS) {
            int row = valid + i / UNITS;
            int unit = i % UNITS;
            u8* destination = stage_memory(stage) + row / BOX_TOKENS * BOX_BYTES + unit / 8 * BOX_TOKENS * ROW_BYTES +
                              row % BOX_TOKENS * ROW_BYTES + unit % 8 * 16;
            *reinterpret_cast<Float4*>(destination) = {0.0f, 0.0f, 0.0f, 0.0f};
        }
        fence_proxy_async_shared();  // TMA will write there again
        team_sync();
    }

    // Offset in a tile of 16 keys and 64 elements.
    __device__ __forceinline__ static constexpr int block_offset(int key_step, int panel) {
        return key_step * 16 / BOX_TOKENS * BOX_BYTES + panel * BOX_TOKENS * ROW_BYTES +
               key_step * 16 % BOX_TOKENS * ROW_BYTES;
    }

    // ==== Products ====

    __device__ __forceinline__ QueryFragments& query_fragments() const {
        return reinterpret_cast<QueryFragments*>(shared.query)[warp];
    }

    __device__ __forceinline__ void query_fragment(u32 (&a)[4], int step) const {
        if constexpr (QUERY_IN_SHARED) {
            const Float4& words = *reinterpret_cast<const Float4*>(query_fragments().words[step][lane]);
            a[0] = __builtin_bit_cast(u32, words.x);
            a[1] = __builtin_bit_cast(u32, words.y);
            a[2] = __builtin_bit_cast(u32, words.z);
            a[3] = __builtin_bit_cast(u32, words.w);
        } else {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                a[i] = query[step][i];
            }
        }
    }

    // logits = Q·Kᵀ.
    __device__ __forceinline__ void score(float (&logits)[SCORE_COLUMNS][4], int stage) const {
        // Tiles lie at multiples of 1024: what is xored into the offset can be xored into the address.
        u32 tile = shared_address(stage_memory(stage)) + key_row;
#pragma unroll
        for (int column = 0; column < SCORE_COLUMNS; ++column) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                logits[column][i] = 0.0f;
            }
        }
#pragma unroll
        for (int step = 0; step < HEAD_STEPS; ++step) {
            u32 a[4];
            query_fragment(a, step);
            u32 row = tile ^ (step % 4 << 5);
#pragma unroll
            for (int j = 0; j < KEY_STEPS; ++j) {
                u32 b[4];
                ldmatrix_x4(b, row + block_offset(j, step / 4));
                Mma<ELEMENT>::multiply_add(logits[2 * j], a, b[0], b[1]);
                Mma<ELEMENT>::multiply_add(logits[2 * j + 1], a, b[2], b[3]);
            }
        }
    }

    // numerator += P·V.
    __device__ __forceinline__ void accumulate(int stage) {
        u32 tile = shared_address(stage_memory(stage)) + value_row;
#pragma unroll
        for (int j = 0; j < KEY_STEPS; ++j) {
#pragma unroll
            for (int step = 0; step < HEAD_STEPS; ++step) {
                u32 b[4];
                ldmatrix_x4_transposed(b, (tile ^ (step % 4 << 5)) + block_offset(j, step / 4));
                Mma<ELEMENT>::multiply_add(numerator[2 * step], weights[j], b[0], b[1]);
                Mma<ELEMENT>::multiply_add(numerator[2 * step + 1], weights[j], b[2], b[3]);
            }
        }
    }

    // ==== One segment ====

    __device__ __forceinline__ const u8* query_row(const Segment& segment, RowPlace place) const {
        return static_cast<const u8*>(arguments.query) +
               2 * (segment.sequence * arguments.query_batch_stride + place.token * arguments.query_row_stride +
                    place.head * arguments.query_head_stride);
    }

    // Fetches this warp's rows of Q to L2 when the segment's first K is requested: once the rings' requests queue for
    // memory, what misses L2 waits as long as they do.
    __device__ __forceinline__ void prefetch_query(const Segment& segment) const {
        int group = arguments.query_heads / arguments.key_value_heads;
#pragma unroll 1
        for (int line = lane; line < 16 * PANELS; line += 32) {
            RowPlace place = place_of(16 * member + line / PANELS, group, segment.head);
            if (place.token < segment.query_length) {
                global_prefetch(query_row(segment, place) + line % PANELS * ROW_BYTES);
            }
        }
    }

    // Nothing is below −∞ (λ = 0) or NaN (a λ in memory that is NaN or negative): nothing is skipped.
    __device__ __forceinline__ float log2_lambda(const Segment& segment) const {
        if constexpr (THRESHOLD == ThresholdMode::PerSequence) {
            return log2f(arguments.thresholds[segment.sequence]);
        } else if constexpr (THRESHOLD == ThresholdMode::ContextScaled || THRESHOLD == ThresholdMode::TargetSparsity) {
            return arguments.log2_threshold - log2f(static_cast<float>(segment.key_length));
        } else {
            return arguments.log2_threshold;
        }
    }

    __device__ __forceinline__ void begin(const Segment& segment) {
        int group = arguments.query_heads / arguments.key_value_heads;
        const u32* rows[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int row = 16 * member + lane / 4 + 8 * i;
            RowPlace place = place_of(row, group, segment.head);
            valid[i] = place.token < segment.query_length;
            rows[i] = reinterpret_cast<const u32*>(query_row(segment, place)) + lane % 4;
            maximum[i] = MINUS_INFINITY;
            sum[i] = 0.0f;
        }
#pragma unroll
        for (int step = 0; step < HEAD_STEPS; ++step) {
            u32 a[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                a[i] = valid[i % 2] ? rows[i % 2][8 * step + i / 2 * 4] : 0;
            }
            if constexpr (QUERY_IN_SHARED) {  // each lane reads what it wrote itself
                *reinterpret_cast<Float4*>(query_fragments().words[step][lane]) = {
                    __builtin_bit_cast(float, a[0]), __builtin_bit_cast(float, a[1]), __builtin_bit_cast(float, a[2]),
                    __builtin_bit_cast(float, a[3])};
            } else {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    query[step][i] = a[i];
                }
            }
        }
#pragma unroll
        for (int column = 0; column < OUTPUT_COLUMNS; ++column) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                numerator[column][i] = 0.0f;
            }
        }
    }

    // From this tile on some row does not see all keys.
    __device__ __forceinline__ static int first_masked_tile(const Segment& segment) {
        return max(segment.key_length - segment.query_length + 1, 0) / KEY_BLOCK;
    }

    // Hides the logits of keys that a row does not see. The limits are worked out anew, since few tiles need them.
    __device__ __forceinline__ void mask(float (&logits)[SCORE_COLUMNS][4], const Segment& segment, int tile) const {
        int key_limit[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int token = (16 * member + lane / 4 + 8 * i) / (arguments.query_heads / arguments.key_value_heads);
            int unseen = MASK == AttentionMask::Causal ? segment.query_length - 1 - token : 0;
            key_limit[i] = segment.key_length - unseen;
        }
#pragma unroll
        for (int column = 0; column < SCORE_COLUMNS; ++column) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                if (tile * KEY_BLOCK + 8 * column + 2 * (lane % 4) + i % 2 >= key_limit[i / 2]) {
                    logits[column][i] = MINUS_INFINITY;
                }
            }
        }
    }

    __device__ __forceinline__ float* seed_row(int seed, int row) const {
        return &shared.seed_maxima[seed_turn % 2][seed][row];
    }

    // Publishes the row maxima of the sink tile (0) or the newest tile (1) to all teams.
    __device__ __forceinline__ void publish_seed(int seed, const float (&tile_maximum)[2]) {
        float rows[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            rows[i] = row_maximum(tile_maximum[i]);
        }
        if (lane % 4 == 0) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                *seed_row(seed, 16 * member + lane / 4 + 8 * i) = rows[i];
            }
            // Each lane for what it wrote itself, as racecheck wants it.
            mbarrier_arrive(&shared.seeded[seed_turn % 2]);
        }
    }

    // Waits for both seeds of the segment. The floor under a seed of −∞ makes a row without any key in a tile agree and
    // a row with a key object.
    __device__ __forceinline__ void await_seeds(const Segment& segment) {
        constexpr float FLOOR = -1e30f;
        mbarrier_wait(&shared.seeded[seed_turn % 2], seed_turn / 2 % 2);
        float log2_threshold = log2_lambda(segment);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int row = 16 * member + lane / 4 + 8 * i;
            float seed = max_with_nan(*seed_row(0, row), *seed_row(1, row));
            threshold[i] = fmaxf(seed * arguments.scale_log2, FLOOR) + log2_threshold;
        }
    }

    // Whether some row of this thread objects to skipping the tile: its largest logit is not below the threshold, or
    // NaN. It takes no maximum over the row: a row's maximum is below the threshold where every thread's share is.
    __device__ __forceinline__ bool objects(const float (&tile_maximum)[2]) const {
        return (valid[0] && !(tile_maximum[0] * arguments.scale_log2 < threshold[0])) ||
               (valid[1] && !(tile_maximum[1] * arguments.scale_log2 < threshold[1]));
    }

    // Whether the team keeps the tile. All of it is then done with the tile's K.
    __device__ __forceinline__ bool judge(const float (&tile_maximum)[2]) const {
        if constexpr (SKIPS) {
            return team_any(objects(tile_maximum));
        } else {
            team_sync();
            return true;
        }
    }

    // From logits to weights of a kept tile. Returns by `rescale` what the numerators so far must be multiplied with.
    __device__ __forceinline__ void softmax(float (&logits)[SCORE_COLUMNS][4], const float (&tile_maximum)[2],
                                            u32 (&tile_weights)[KEY_STEPS][4], float (&rescale)[2]) {
        float offset[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            float now = max_with_nan(maximum[i], row_maximum(tile_maximum[i]));
            // A row without any key so far: any finite offset gives weights of exp2(−∞) = 0.
            offset[i] = now == MINUS_INFINITY ? 0.0f : now * arguments.scale_log2;
            rescale[i] = exp2_approximate(__fmaf_rn(maximum[i], arguments.scale_log2, -offset[i]));
            maximum[i] = now;
            sum[i] = __fmul_rn(sum[i], rescale[i]);
        }
#pragma unroll
        for (int column = 0; column < SCORE_COLUMNS; ++column) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                float low = exp2_approximate(__fmaf_rn(logits[column][2 * i], arguments.scale_log2, -offset[i]));
                float high = exp2_approximate(__fmaf_rn(logits[column][2 * i + 1], arguments.scale_log2, -offset[i]));
                sum[i] += low + high;
                tile_weights[column / 2][column % 2 * 2 + i] = pack_elements<ELEMENT>(low, high);
            }
        }
    }

    __device__ __forceinline__ void attend(const Segment& segment) {
        begin(segment);
        TileList list{segment};
        TileCursor cursor = list.cursor(team);
        // Tiles of a lower index, and from this tile on, want more than to be scored and judged.
        int first_plain = SKIPS ? NO_INDEX : 2;
        int first_masked = first_masked_tile(segment);
        auto masked = [&](int tile) {
            return tile >= (LIMITS_IN_REGISTERS ? first_masked : first_masked_tile(segment));
        };
        if (COUNT_TILES && member == 0 && lane == 0) {
            requests_of_warp().visited = requests_of_warp().skipped = 0;
        }
        int awaited = -1;  // of the kept tile whose V is awaited: its stage, and 16 times its keys
#pragma unroll 1
        while (true) {
            bool scored = !list.at_end(cursor);
            bool kept = false;
            int tile = 0;
            int stage = 0;
            float rescale[2];
            float logits[SCORE_COLUMNS][4];
            float tile_maximum[2];
            u32 tile_weights[KEY_STEPS][4];
            // Goes on by itself where a tile is skipped and no V is awaited.
#pragma unroll 1
            while (!list.at_end(cursor)) {
                stage = keys.pop();
                wait(stage);
                if (PAGE_SIZE != 0 && cursor.index < 2) {
                    int rows = segment.key_length - list.tile(cursor) * KEY_BLOCK;
                    if (rows < KEY_BLOCK) {
                        zero_rows(stage, rows);  // pages past the end aren't loaded: what lies there was never written
                    }
                }
                score(logits, stage);
                tile = LIMITS_IN_REGISTERS ? list.tile_of_rest(cursor) : list.tile(cursor);
                if (cursor.index < first_plain || masked(tile)) {
                    tile = list.tile(cursor);
                    if (masked(tile)) {
                        mask(logits, segment, tile);
                    }
                    largest_of_thread(logits, tile_maximum);
                    if (SKIPS && cursor.index < 2) {
                        kept = segment.owns(tile);
                        if (segment.needs_seeds()) {
                            publish_seed(cursor.index, tile_maximum);
                        }
                        team_sync();
                    } else {
                        if (SKIPS && first_plain == NO_INDEX) {
                            await_seeds(segment);
                            first_plain = 2;
                        }
                        kept = judge(tile_maximum);
                    }
                } else {
                    largest_of_thread(logits, tile_maximum);
                    kept = judge(tile_maximum);
                }
                if (segment.owns(tile)) {
                    if (COUNT_TILES && member == 0 && lane == 0) {
                        ++requests_of_warp().visited;
                        requests_of_warp().skipped += kept ? 0 : 1;
                    }
                    if (RECORD_DECISIONS && member == 0 && lane == 0) {
                        arguments.decisions[(static_cast<long long>(segment.sequence) * arguments.key_value_heads +
                                             segment.head) *
                                                arguments.key_blocks +
                                            tile] = kept ? KEPT : SKIPPED;
                    }
                }
                list.advance(cursor);
                // The whole team is done with this K.
                if (kept) {
                    request(stage, value_map, segment, tile);
                    if constexpr (SOFTMAX_FIRST) {
                        softmax(logits, tile_maximum, tile_weights, rescale);
                    }
                    break;
                }
                request_key(stage);
                if (awaited >= 0) {
                    break;
                }
            }
            if (awaited >= 0) {
                int value_stage = awaited % 16;
                wait(value_stage);
                if (awaited / 16 < KEY_BLOCK) {
                    zero_rows(value_stage, awaited / 16);
                }
                accumulate(value_stage);
                team_sync();
                request_key(value_stage);
                awaited = -1;
            }
            if (kept) {
                if constexpr (!SOFTMAX_FIRST) {
                    softmax(logits, tile_maximum, tile_weights, rescale);
                }
#pragma unroll
                for (int column = 0; column < OUTPUT_COLUMNS; ++column) {
#pragma unroll
                    for (int i = 0; i < 4; ++i) {
                        numerator[column][i] *= rescale[i / 2];
                    }
                }
#pragma unroll
                for (int j = 0; j < KEY_STEPS; ++j) {
#pragma unroll
                    for (int i = 0; i < 4; ++i) {
                        weights[j][i] = tile_weights[j][i];
                    }
                }
                awaited = 16 * min(segment.key_length - tile * KEY_BLOCK, KEY_BLOCK) + stage;
            }
            if (!scored) {
                break;
            }
        }
        if (segment.needs_seeds()) {
            // A team without a tile to judge has not waited for the seeds. Two turns are enough all the same: nobody
            // ends a segment before team 0 has taken everybody's share of the one before (await_take).
            ++seed_turn;
        }
        if (COUNT_TILES && member == 0 && lane == 0) {
            TileCounters& counters =
                arguments.counters[static_cast<long long>(segment.sequence) * arguments.key_value_heads + segment.head];
            atomicAdd(&counters.visited, static_cast<u64>(requests_of_warp().visited));
            atomicAdd(&counters.skipped, static_cast<u64>(requests_of_warp().skipped));
        }
    }

    // ==== The end of a segment ====

    __device__ __forceinline__ Share& exchange_of(int other_team) const {
        return reinterpret_cast<Share*>(shared.exchange)[(other_team - 1) * TEAM_WARPS + member];
    }

    // Waits until team 0 has taken the shares of the segment before, if there is one.
    __device__ __forceinline__ void await_take(const Segment& segment) const {
        if (segment.start + segment.first > shared.shares.first_tile(blockIdx.x)) {
            named_barrier_sync(FREE_BARRIER, THREADS);
        }
    }

    // Hands this team's share to team 0.
    __device__ __forceinline__ void give(const Segment& segment) {
        await_take(segment);
        write_share(exchange_of(team), maximum, sum, numerator, lane);
        named_barrier_arrive(FILLED_BARRIER, THREADS);
    }

    // Team 0: adds the other teams' shares, in their order.
    __device__ __forceinline__ void take() {
        named_barrier_sync(FILLED_BARRIER, THREADS);
#pragma unroll 1
        for (int other = 1; other < TEAMS; ++other) {
            const Share& share = exchange_of(other);
            float mine[2];
            float theirs[2];
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                float their_maximum = share.maximum[i][lane];
                float common = max_with_nan(maximum[i], their_maximum);
                mine[i] = rescaling(maximum[i], common, arguments.scale_log2);
                theirs[i] = rescaling(their_maximum, common, arguments.scale_log2);
                maximum[i] = common;
                sum[i] = __fmaf_rn(share.sum[i][lane], theirs[i], __fmul_rn(sum[i], mine[i]));
            }
#pragma unroll
            for (int column = 0; column < OUTPUT_COLUMNS; ++column) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    numerator[column][i] = __fmaf_rn(share.numerator[column][i][lane], theirs[i / 2],
                                                     __fmul_rn(numerator[column][i], mine[i / 2]));
                }
            }
        }
        named_barrier_arrive(FREE_BARRIER, THREADS);
    }

    // Leaves the CTA's part of a head that began in an earlier CTA. If it is the last to arrive there and finds slices
    // given up, which is rare, the whole CTA adds them up at its end.
    __device__ __forceinline__ void leave_first_part(const Segment& segment) {
        OpenHead head = OpenHead::of(shared.shares, segment);
        write_part(head.part(arguments, head.index, member), maximum, sum, numerator, 0, lane, shared.launch);
        if (member == 0 && lane == 0) {
            shared.first_segment = segment;
            shared.first_head = head;
            shared.first_slices = head.arrive(arguments, shared.launch);
        }
    }

    // A segment that others of this CTA follow: team 0 ends it, the other teams go on.
    __device__ __forceinline__ void finish(const Segment& segment) {
        if (team != 0) {
            give(segment);
            return;
        }
        if (TEAMS > 1) {
            take();
        }
        sum[0] = row_sum(sum[0]);
        sum[1] = row_sum(sum[1]);
        if (segment.whole()) {
            write_output(arguments, segment, member, maximum, sum, numerator, 0);
        } else {
            leave_first_part(segment);
        }
    }

    __device__ __forceinline__ Share& last_share_of(int of_team) const {
        return reinterpret_cast<Share*>(shared.tiles[of_team])[member];
    }

    __device__ __forceinline__ SlicePiece* last_slice_of(int of_team) const {
        return reinterpret_cast<SlicePiece*>(shared.tiles[of_team]) + 32 * member;
    }

    // Whether `condition` holds for any thread of those that combine a slice: all teams together, or this one.
    __device__ __forceinline__ bool crew_any(bool together, bool condition) const {
        return together ? named_barrier_any(FILLED_BARRIER, THREADS, condition) : team_any(condition);
    }

    // Adds a slice of an open head's parts up, as they come. False: it was given up.
    __device__ __forceinline__ bool gather(const Gathering& parts, bool together, int slice, SlicePiece& total) const {
        bool leads = member == 0 && lane == 0 && (team == 0 || !together);
#pragma unroll 1
        for (int attempt = 0;; ++attempt) {
            bool there = (attempt < EAGER_ATTEMPTS || parts.begun(lane)) && parts.add_up(total, slice, lane);
            if (!crew_any(together, !there)) {
                return true;
            }
            if (attempt == EAGER_ATTEMPTS &&
                crew_any(together, leads && parts.head.give_up(arguments, parts.launch, slice))) {
                return false;
            }
            if (attempt >= EAGER_ATTEMPTS) {
                pause();
            }
        }
    }

    // Adds slices of an open head up and writes them. Of few parts each team takes some of the slices, of many parts
    // all teams add up some, for one slice after the other.
    __device__ __forceinline__ void combine(const Segment& segment, const OpenHead& head, u32 slices) const {
        bool together = TEAMS > 1 && head.count > PARTS_AT_ONCE;
        Gathering parts{arguments, head, member, together ? team : 0, together ? TEAMS : 1, shared.launch};
        int turn = 0;
#pragma unroll 1
        for (; slices != 0; slices &= slices - 1) {
            int slice = 31 - __clz(static_cast<int>(slices & (0 - slices)));
            SlicePiece total;
            if (!together && turn++ % TEAMS != team || !gather(parts, together, slice, total)) {
                continue;
            }
            if (together) {
                // Nobody reads the ring any more: all have met in gather() since.
                last_slice_of(team)[lane] = total;
                __syncthreads();
                if (team != 0) {
                    continue;
                }
                SlicePiece pieces[TEAMS];
#pragma unroll
                for (int i = 0; i < TEAMS; ++i) {
                    pieces[i] = last_slice_of(i)[lane];
                }
                total = merge(pieces, arguments.scale_log2);
            }
            write_output(arguments, segment, member, total.maximum, total.sum, total.numerator,
                         slice / 2 * SLICE_COLUMNS, slice % 2);
        }
    }

    // The CTA's last segment: all teams add their shares up, each some of the columns, through the rings, where nothing
    // is under way any more; then heads that the CTA has parts of are combined, as far as that is its part.
    __device__ __forceinline__ void finish_last(const Segment& segment) {
        if (team != 0) {
            await_take(segment);
        }
        team_sync();  // nobody reads the ring any more
        write_share(last_share_of(team), maximum, sum, numerator, lane);
        __syncthreads();
#pragma unroll 1
        for (int column = team * MERGED_COLUMNS; column < OUTPUT_COLUMNS; column += TEAMS * MERGED_COLUMNS) {
            Piece<MERGED_COLUMNS> pieces[TEAMS];
#pragma unroll
            for (int i = 0; i < TEAMS; ++i) {
                pieces[i] = read_piece(last_share_of(i), column, lane);
            }
            Piece<MERGED_COLUMNS> total = merge(pieces, arguments.scale_log2);
            total.sum[0] = row_sum(total.sum[0]);
            total.sum[1] = row_sum(total.sum[1]);
            if (segment.whole()) {
                write_output(arguments, segment, member, total.maximum, total.sum, total.numerator, column);
            } else {
                const OpenHead& head = shared.last_head;
                write_part(head.part(arguments, head.index, member), total.maximum, total.sum, total.numerator, column,
                           lane, shared.launch);
            }
        }
#pragma unroll 1
        for (int first = segment.whole() ? 1 : 0; first < 2; ++first) {
            u32 slices = first ? shared.first_slices : shared.last_slices;
            if (slices != 0) {
                // Copies: a choice of two references costs registers all along.
                Segment open = segment;
                OpenHead head;
                if (first) {
                    open = shared.first_segment;
                    head = shared.first_head;
                } else {
                    head = shared.last_head;
                }
                combine(open, head, slices);
            }
        }
    }
};

// Reports lengths that had to be clamped. One CTA.
__device__ __forceinline__ void report_lengths(const DecodeArguments& arguments) {
    for (int sequence = threadIdx.x; sequence < arguments.batch; sequence += THREADS) {
        if (arguments.key_lengths != nullptr &&
            static_cast<u32>(arguments.key_lengths[sequence]) > static_cast<u32>(arguments.key_length)) {
            report(arguments, KEY_LENGTH_OUT_OF_RANGE);
        }
        if (arguments.query_lengths != nullptr &&
            static_cast<u32>(arguments.query_lengths[sequence]) > static_cast<u32>(arguments.query_length)) {
            report(arguments, QUERY_LENGTH_OUT_OF_RANGE);
        }
    }
}

extern __shared__ __align__(1024) u8 dynamic_shared_memory[];

// The whole kernel: key_map and value_map lie among its parameters.
__device__ __forceinline__ void decode(const TensorMap* key_map, const TensorMap* value_map,
                                       const DecodeArguments& arguments) {
    SharedMemory& shared = *reinterpret_cast<SharedMemory*>(dynamic_shared_memory);
    if (threadIdx.x == 0) {
        tma_prefetch_map(key_map);
        tma_prefetch_map(value_map);
    }
    if (arguments.key_lengths != nullptr || arguments.query_lengths != nullptr) {
        grid_wait();  // the kernel before may have written them
    }
    Partition shares = partition(arguments);
    if (static_cast<int>(blockIdx.x) >= shares.ctas) {
        return;
    }
    // Memory is idle until the first K is requested: each team does so before it waits for the others.
    int warp = warp_uniform(threadIdx.x / 32);
    Worker worker(shared, arguments, key_map, value_map, warp);
    SegmentWalk& walk = shared.walks[warp];
    worker.init_stages();
    walk.begin(arguments, shares);
    worker.request_first_keys(walk);
    if (threadIdx.x == 0) {
        mbarrier_init(&shared.seeded[0], SEED_ARRIVALS);
        mbarrier_init(&shared.seeded[1], SEED_ARRIVALS);
        mbarrier_init_fence();
        shared.shares = shares;
        shared.first_slices = 0;
        if (shares.pieces > 1) {  // heads are cut
            shared.launch = number_of_launch(arguments, shares.ctas);
            clear_next_meetings(arguments, shared.launch, shares.ctas);
        }
    }
    if (blockIdx.x == 0 && arguments.status != nullptr) {
        report_lengths(arguments);
    }
    __syncthreads();

    while (walk.next(arguments)) {
        if (threadIdx.x == 0 && walk.at_end() && !walk.segment.whole()) {
            // Here, since at the end everybody waits for it.
            OpenHead head = OpenHead::of(shares, walk.segment);
            shared.last_head = head;
            shared.last_slices = head.slices() | head.arrive(arguments, shared.launch);
        }
        worker.attend(walk.segment);
        if (!walk.at_end()) {
            worker.finish(walk.segment);
        }
    }
    grid_let_next_begin();
    worker.finish_last(walk.segment);
}
