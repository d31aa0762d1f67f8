// Small kernels, one for each thing the simulator must compute or catch; arguments.which picks one. Warpgroup 0 works,
// warpgroup 1 is there to be raced against.
#include "ptx/arithmetic.cuh"
#include "ptx/global.cuh"
#include "ptx/grid.cuh"
#include "ptx/mma.cuh"
#include "ptx/tma.cuh"
#include "ptx/warpgroup.cuh"
#include "ptx/wgmma.cuh"

constexpr int THREADS = 256;
constexpr int TILE_BYTES = 64 * 128;

struct TestArguments {
    int which;
    int reserved;
    u32* output;           // writable
    const u32* read_only;  // 64 words
};

struct SharedMemory {
    alignas(1024) u8 a[TILE_BYTES];  // 64 rows of 64 elements
    alignas(1024) u8 b[TILE_BYTES];
    Mbarrier full;
    Mbarrier empty;
    Mbarrier raw;
    u32 words[64];
};

enum Case {
    DUMP_TILE = 0,
    DUMP_OUTSIDE,
    PRODUCT_K_MAJOR,
    PRODUCT_N_MAJOR,
    PHASES,
    READ_WITHOUT_WAIT,
    PRODUCT_WITHOUT_WAIT,
    PRODUCT_WITHOUT_PROXY_FENCE,
    INIT_WITHOUT_FENCE,
    EXPECT_TOO_FEW,
    EXPECT_TOO_MANY,
    EXPECT_NOTHING,
    ARRIVE_TOO_OFTEN,
    LANE_MISSING,
    OTHER_COLLECTIVE,
    OTHER_DESCRIPTOR,
    NOBODY_ARRIVES,
    READ_ACCUMULATOR,
    NO_WGMMA_FENCE,
    WRITE_FRAGMENT,
    COPY_OVER_OPERAND,
    STORE_OVER_OPERAND,
    MISALIGNED_COPY,
    STORE_PAST_END,
    DESCRIPTOR_PAST_END,
    DESCRIPTOR_CROSSES_ROW,
    READ_OUTSIDE,
    WRITE_READ_ONLY,
    TOO_MANY_REGISTERS,
    BARRIER_COUNTS_DIFFER,
    ARRIVALS_ALONE,
    ARRIVAL_NEVER_AWAITED,
    STALE_PARITY,
    UNSEEN_PHASE,
    GLOBAL_RACE,
    ACROSS_CTAS,
    ACROSS_CTAS_BY_ANOTHER_WORD,
    ACROSS_CTAS_NEVER_WRITTEN,
    ACROSS_CTAS_IN_ORDER_OF_AN_ATOMIC,
    OVERLAPPING,
    OVERLAPPING_READ,
    OVERLAPPING_COPY,
    PRODUCT_NEVER_AWAITED,
    COPY_NEVER_AWAITED,
    WARP_PRODUCT,
    VOTING_BARRIER,
    LDMATRIX_WITHOUT_WAIT,
    LDMATRIX_MISALIGNED,
    LDMATRIX_PAST_END,
    COPY_OVER_LDMATRIX,
    OR_INTO_READ_ONLY,
    UNINITIALIZED_BARRIER,
    STORE_RACE,
    READ_RACE,
    READ_UNWRITTEN,
    READ_BARRIER,
    ENDLESS,
    SYNCWARP_MISSING,
    COLUMNS_OF_FRAGMENTS,
};

extern __shared__ __align__(1024) u8 dynamic_shared_memory[];

__device__ __forceinline__ void load(SharedMemory& shared, const TensorMap& map, int row, u32 bytes, void* to) {
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_bytes(&shared.full, bytes);
        tma_load_5d(to, &map, &shared.full, 0, row, 0, 0, 0);
    }
}

__device__ __forceinline__ void load_both(SharedMemory& shared, const TensorMap& map) {
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_bytes(&shared.full, 2 * TILE_BYTES);
        tma_load_5d(shared.a, &map, &shared.full, 0, 0, 0, 0, 0);
        tma_load_5d(shared.b, &map, &shared.full, 0, 64, 0, 0, 0);
    }
    mbarrier_wait(&shared.full, 0);
}

__device__ __forceinline__ u64 operand(const u8* tile) { return wgmma_descriptor(shared_address(tile), 8192, 1024); }

__device__ __forceinline__ void write_out(const TestArguments& arguments, const float (&d)[32]) {
    for (int i = 0; i < 32; ++i) {
        arguments.output[32 * threadIdx.x + i] = __builtin_bit_cast(u32, d[i]);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    test_kernel(const __grid_constant__ TensorMap map, const __grid_constant__ TestArguments arguments) {
    SharedMemory& shared = *reinterpret_cast<SharedMemory*>(dynamic_shared_memory);
    int which = arguments.which;
    int thread = static_cast<int>(threadIdx.x);
    if (thread == 0) {
        mbarrier_init(&shared.full, 1);
        mbarrier_init(&shared.empty, 2);
        if (which != INIT_WITHOUT_FENCE) {
            mbarrier_init_fence();
        }
    }
    __syncthreads();
    if (thread >= 128 && which != STORE_RACE && which != READ_RACE && which != STORE_OVER_OPERAND &&
        which != TOO_MANY_REGISTERS && which != BARRIER_COUNTS_DIFFER && which != PHASES) {
        return;
    }
    float d[32];
    for (int i = 0; i < 32; ++i) {
        d[i] = 0.0f;
    }
    u32 fragment[4] = {0, 0, 0, 0};
    using Product = Wgmma<ElementType::BFloat16, 64>;
    switch (which) {
        case DUMP_TILE:
        case DUMP_OUTSIDE:
            load(shared, map, which == DUMP_TILE ? 0 : 100, TILE_BYTES, shared.a);
            mbarrier_wait(&shared.full, 0);
            for (int word = thread; word < TILE_BYTES / 4; word += 128) {
                arguments.output[word] = reinterpret_cast<u32*>(shared.a)[word];
            }
            break;
        case PRODUCT_K_MAJOR:
            load_both(shared, map);
            wgmma_fence();
            for (int k = 0; k < 4; ++k) {
                Product::shared_shared(d, wgmma_advance(operand(shared.a), 32 * k),
                                       wgmma_advance(operand(shared.b), 32 * k), k != 0);
            }
            wgmma_commit();
            wgmma_wait<0>();
            write_out(arguments, d);
            break;
        case PRODUCT_N_MAJOR:
        case COLUMNS_OF_FRAGMENTS:
            load_both(shared, map);
            for (int k = 0; k < 4; ++k) {
                u32 a[4];  // rows and columns by their numbers
                for (int r = 0; r < 4; ++r) {
                    int row = thread / 32 * 16 + thread % 32 / 4 + r % 2 * 8;
                    int column = 16 * k + thread % 4 * 2 + r / 2 * 8;
                    a[r] = pack_bfloat16(static_cast<float>(row % 7 + column % 5),
                                         static_cast<float>(row % 7 + (column + 1) % 5));
                }
                wgmma_fence();
                Product::register_shared(d, a, wgmma_advance(operand(shared.b), 2048 * k));
                wgmma_commit();
                wgmma_wait<0>();
            }
            write_out(arguments, d);
            break;
        case PHASES:  // ping-pong, ten times
            for (u32 i = 0; i < 10; ++i) {
                if (thread == 0) {
                    mbarrier_wait(&shared.empty, (i & 1) ^ 1);
                    shared.words[0] = i;
                    mbarrier_arrive(&shared.full);
                } else if (thread == 128 || thread == 160) {
                    mbarrier_wait(&shared.full, i & 1);
                    arguments.output[thread] = shared.words[0];
                    mbarrier_arrive(&shared.empty);
                }
            }
            break;
        case READ_WITHOUT_WAIT:
            load(shared, map, 0, TILE_BYTES, shared.a);
            arguments.output[thread] = reinterpret_cast<u32*>(shared.a)[thread];
            break;
        case PRODUCT_WITHOUT_WAIT:
            load(shared, map, 0, TILE_BYTES, shared.a);
            wgmma_fence();
            Product::shared_shared(d, operand(shared.a), operand(shared.a), false);
            break;
        case PRODUCT_WITHOUT_PROXY_FENCE:
            load_both(shared, map);
            if (thread == 0) {
                reinterpret_cast<u32*>(shared.a)[0] = 0;
            }
            named_barrier_sync(1, 128);
            wgmma_fence();
            Product::shared_shared(d, operand(shared.a), operand(shared.b), false);
            break;
        case INIT_WITHOUT_FENCE:
            load(shared, map, 0, TILE_BYTES, shared.a);
            break;
        case EXPECT_TOO_FEW:
        case EXPECT_TOO_MANY:
            load(shared, map, 0, which == EXPECT_TOO_FEW ? TILE_BYTES - 16 : TILE_BYTES + 16, shared.a);
            mbarrier_wait(&shared.full, 0);
            break;
        case EXPECT_NOTHING:
            if (thread == 0) {
                tma_load_5d(shared.a, &map, &shared.full, 0, 0, 0, 0, 0);
                mbarrier_arrive(&shared.full);
            }
            break;
        case ARRIVE_TOO_OFTEN:
            if (thread == 0) {
                mbarrier_arrive_expect_bytes(&shared.full, 16);
                mbarrier_arrive(&shared.full);
            }
            break;
        case LANE_MISSING:
            if (thread != 5) {
                warp_or(1);
            }
            break;
        case OTHER_COLLECTIVE:
            if (thread % 32 == 5) {
                __syncwarp();
            } else {
                warp_or(1);
            }
            break;
        case OTHER_DESCRIPTOR:
            load_both(shared, map);
            wgmma_fence();
            Product::shared_shared(d, operand(thread < 32 ? shared.a : shared.b), operand(shared.b), false);
            break;
        case NOBODY_ARRIVES:
            mbarrier_wait(&shared.full, 0);
            break;
        case READ_ACCUMULATOR:
        case NO_WGMMA_FENCE:
        case PRODUCT_NEVER_AWAITED:
        case DESCRIPTOR_PAST_END:
        case DESCRIPTOR_CROSSES_ROW: {
            load_both(shared, map);
            wgmma_fence();
            if (which == NO_WGMMA_FENCE) {
                d[3] = 1.0f;
            }
            u64 a = operand(shared.a);
            a = which == DESCRIPTOR_PAST_END ? wgmma_descriptor(shared_address(shared.words), 0, 16384) : a;
            a = which == DESCRIPTOR_CROSSES_ROW ? wgmma_advance(a, 112) : a;
            Product::shared_shared(d, a, operand(shared.b), false);
            wgmma_commit();
            if (which == READ_ACCUMULATOR) {
                write_out(arguments, d);
            }
            break;
        }
        case WRITE_FRAGMENT:
            load_both(shared, map);
            wgmma_fence();
            Product::register_shared(d, fragment, operand(shared.b));
            wgmma_commit();
            fragment[2] = 7;
            wgmma_wait<0>();
            break;
        case COPY_OVER_OPERAND:
            load_both(shared, map);
            wgmma_fence();
            Product::shared_shared(d, operand(shared.a), operand(shared.b), false);
            wgmma_commit();
            load(shared, map, 0, TILE_BYTES, shared.b);
            wgmma_wait<0>();
            break;
        case STORE_OVER_OPERAND:
            if (thread < 128) {
                load_both(shared, map);
                wgmma_fence();
                Product::shared_shared(d, operand(shared.a), operand(shared.b), false);
                wgmma_commit();
                if (thread == 0) {
                    mbarrier_arrive(&shared.empty);
                    mbarrier_arrive(&shared.empty);
                }
                wgmma_wait<0>();
            } else {
                mbarrier_wait(&shared.full, 0);
                mbarrier_wait(&shared.empty, 0);
                reinterpret_cast<u32*>(shared.b)[thread] = 0;
            }
            break;
        case MISALIGNED_COPY:
            load(shared, map, 0, TILE_BYTES, shared.a + 64);
            break;
        case STORE_PAST_END:
            shared.words[thread + 4096] = 1;
            break;
        case READ_OUTSIDE:
            arguments.output[thread] = arguments.read_only[thread];
            break;
        case WRITE_READ_ONLY:
            const_cast<u32*>(arguments.read_only)[thread % 64] = 1;
            break;
        case TOO_MANY_REGISTERS:
            if (thread < 128) {
                release_registers<248>();
            } else {
                claim_registers<256>();  // of 248, and nobody gave any back
            }
            break;
        case BARRIER_COUNTS_DIFFER:
            named_barrier_sync(2, thread < 128 ? 256 : 128);
            break;
        case ARRIVALS_ALONE:
            named_barrier_arrive(2, 128);
            break;
        case ARRIVAL_NEVER_AWAITED:
            named_barrier_arrive(2, 256);
            break;
        case GLOBAL_RACE:
            arguments.output[thread % 64] = 1;
            break;
        case ACROSS_CTAS_IN_ORDER_OF_AN_ATOMIC:  // which says nothing about plain writes
            arguments.output[1024 + 128 * blockIdx.x + thread] = 7;
            named_barrier_sync(1, 128);
            if (thread == 0) {
                shared.words[0] = atomicAdd(&arguments.output[0], 1u);
            }
            named_barrier_sync(1, 128);
            if (shared.words[0] == 1) {
                arguments.output[1280 + thread] = arguments.output[1024 + 128 * (1 - blockIdx.x) + 127 - thread];
            }
            break;
        case ACROSS_CTAS:  // each thread waits for a word of the other CTA
        case ACROSS_CTAS_BY_ANOTHER_WORD:
        case ACROSS_CTAS_NEVER_WRITTEN: {
            FlaggedFloats* words = reinterpret_cast<FlaggedFloats*>(arguments.output);
            const FlaggedFloats* others = words + 128 * (1 - blockIdx.x);
            if (which != ACROSS_CTAS_NEVER_WRITTEN) {
                store_flagged(&words[128 * blockIdx.x + thread], static_cast<float>(thread), 0.0f, 5);
            }
            float first;
            float second;
            u32 flags[2];
            load_flagged(&others[127 - thread], first, second, flags);
            while (flags[0] != 5 || flags[1] != 5) {
                pause();
                load_flagged(&others[127 - thread], first, second, flags);
            }
            if (which == ACROSS_CTAS_BY_ANOTHER_WORD) {
                load_flagged(&others[thread], first, second, flags);
            }
            arguments.output[1024 + 128 * blockIdx.x + thread] = static_cast<u32>(first);
            break;
        }
        case OVERLAPPING:
        case OVERLAPPING_READ:
        case OVERLAPPING_COPY:
            if (which != OVERLAPPING_COPY) {
                if (which != OVERLAPPING_READ) {
                    grid_wait();
                }
                arguments.output[thread] = arguments.read_only[thread % 64];
            }
            load(shared, map, 0, TILE_BYTES, shared.a);
            mbarrier_wait(&shared.full, 0);
            break;
        case STALE_PARITY:
            if (thread == 0) {
                for (u32 phase = 0; phase < 3; ++phase) {
                    mbarrier_arrive(&shared.full);
                    mbarrier_wait(&shared.full, phase & 1);
                }
                named_barrier_sync(3, 64);
            } else if (thread >= 32 && thread < 64) {
                named_barrier_arrive(3, 64);
                if (thread == 32) {
                    while (!mbarrier_test(&shared.full, 0)) {
                    }
                }
            } else if (thread < 32) {
                named_barrier_sync(3, 64);
            }
            break;
        case UNSEEN_PHASE:
            if (thread == 0) {
                mbarrier_arrive(&shared.full);
                mbarrier_arrive(&shared.full);
            }
            break;
        case WARP_PRODUCT:  // rows 0 … 15 of the tile times its rows 16 … 23, over elements 0 … 15
            load(shared, map, 0, TILE_BYTES, shared.a);
            mbarrier_wait(&shared.full, 0);
            if (thread < 32) {
                u32 tile = shared_address(shared.a);
                u32 row = thread % 16;
                u32 a[4], b[4];
                ldmatrix_x4(a, tile + row * 128 + ((thread / 16 ^ (row & 7)) << 4));
                ldmatrix_x4(b, tile + (16 + thread % 8) * 128 + ((thread / 8 % 2 ^ (thread & 7)) << 4));
                float c[4] = {};
                Mma<ElementType::BFloat16>::multiply_add(c, a, b[0], b[1]);
                for (int i = 0; i < 4; ++i) {
                    arguments.output[(thread / 4 + i / 2 * 8) * 8 + 2 * (thread % 4) + i % 2] =
                        __builtin_bit_cast(u32, c[i]);
                }
            }
            break;
        case VOTING_BARRIER:
            for (int round = 0; round < 4; ++round) {
                bool any = named_barrier_any(1, 128, round % 2 == 1 && thread == 77);
                arguments.output[thread * 4 + round] = any ? 1 : 0;
            }
            break;
        case LDMATRIX_WITHOUT_WAIT:
            load(shared, map, 0, TILE_BYTES, shared.a);
            {
                u32 matrices[4];
                ldmatrix_x4(matrices, shared_address(shared.a) + thread % 32 * 128);
            }
            break;
        case LDMATRIX_MISALIGNED: {
            u32 matrices[4];
            ldmatrix_x4(matrices, shared_address(shared.a) + thread % 32 * 128 + 8);
            break;
        }
        case LDMATRIX_PAST_END: {
            u32 matrices[4];
            ldmatrix_x4_transposed(matrices, shared_address(shared.a) + (1 << 17) + thread % 32 * 16);
            break;
        }
        case COPY_OVER_LDMATRIX:  // only the leader's own reads are known to be done
            load(shared, map, 0, TILE_BYTES, shared.a);
            mbarrier_wait(&shared.full, 0);
            {
                u32 matrices[4];
                ldmatrix_x4(matrices, shared_address(shared.a) + thread % 32 * 128);
            }
            if (thread == 0) {
                mbarrier_arrive_expect_bytes(&shared.full, TILE_BYTES);
                tma_load_5d(shared.a, &map, &shared.full, 0, 0, 0, 0, 0);
            }
            mbarrier_wait(&shared.full, 1);
            break;
        case OR_INTO_READ_ONLY:
            global_or(const_cast<u32*>(arguments.read_only), 1);
            break;
        case COPY_NEVER_AWAITED:
            load(shared, map, 0, TILE_BYTES, shared.a);
            break;
        case UNINITIALIZED_BARRIER:
            mbarrier_arrive(&shared.raw);
            break;
        case STORE_RACE:
            shared.words[thread % 64] = static_cast<u32>(thread);
            break;
        case READ_RACE:
            if (thread == 0) {
                shared.words[0] = 1;
            } else if (thread == 128) {
                arguments.output[0] = shared.words[0];
            }
            break;
        case READ_UNWRITTEN:
            arguments.output[thread] = shared.words[thread % 64];
            break;
        case READ_BARRIER:
            arguments.output[thread] = *reinterpret_cast<u32*>(&shared.full);
            break;
        case ENDLESS:
            for (u32 i = 0; i < 4000000000u; ++i) {
                arguments.output[0] = i;
                fence_proxy_async_shared();
            }
            break;
        case SYNCWARP_MISSING:
            shared.words[thread % 32] = 1;
            arguments.output[thread] = shared.words[(thread + 1) % 32];
            break;
    }
}
