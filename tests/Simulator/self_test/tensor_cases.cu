// Small kernels as in cases.cu, for tensor memory and its products. The first warpgroup's threads are rows; lane
// `elect_lane()` of warp 0 issues products. All meet at the end, and warp 0 releases what it has allocated.
#include "ptx/arithmetic.cuh"
#include "ptx/packed.cuh"
#include "ptx/tcgen05.cuh"
#include "ptx/tma.cuh"
#include "ptx/warpgroup.cuh"

using u16 = unsigned short;

constexpr int THREADS = 256;
constexpr int TILE_BYTES = 64 * 128;
constexpr int COLUMNS = 256;  // allocated
constexpr int A_COLUMN = 64;  // of A in tensor memory; D is at column 0
constexpr int DEPTH = 64;     // of a whole product

struct TestArguments {
    int which;
    int reserved;
    u32* output;           // writable
    const u32* read_only;  // 64 words
};

struct SharedMemory {
    alignas(1024) u8 a[2 * TILE_BYTES];  // 128 rows of 64 elements
    alignas(1024) u8 b[TILE_BYTES];      // 64 rows
    Mbarrier full;
    Mbarrier done;
    Mbarrier other;
    u32 address;
    u32 more;
};

enum Case {
    ROUND_TRIP = 0,
    PRODUCT_INNER,
    PRODUCT_OUTER_A,
    PRODUCT_OUTER_B,
    PRODUCT_FLOAT16,
    PRODUCT_TENSOR,
    PRODUCT_WIDE,
    LAYOUT_INNER_UNSWIZZLED,
    LAYOUT_INNER_32,
    LAYOUT_INNER_64,
    LAYOUT_INNER_128,
    LAYOUT_OUTER_UNSWIZZLED,
    LAYOUT_OUTER_32,
    LAYOUT_OUTER_64,
    LAYOUT_OUTER_128,
    ELECTED,
    PAIRS,
    LEAK,
    RELEASE_TWICE,
    RELEASE_WHILE_LOADED,
    USE_AFTER_RELEASE,
    OUTSIDE_ALLOCATION,
    ALLOCATE_OTHER_THAN_A_POWER,
    ALLOCATE_AFTER_RELINQUISH,
    ALLOCATE_MORE_THAN_BEFORE,
    ALLOCATE_TOO_MUCH,
    ALLOCATE_IN_ANOTHER_WARP,
    OTHER_WARPS_LANES,
    OTHER_ADDRESS,
    LOAD_UNWRITTEN,
    ALLOCATION_WITHOUT_FENCE,
    READ_LOADING_REGISTER,
    STORE_OVER_LOAD,
    LOAD_WITHOUT_STORE_WAIT,
    STORE_OVER_STORE,
    LOAD_NEVER_AWAITED,
    STORE_NEVER_AWAITED,
    LOAD_WITHOUT_COMMIT,
    LOAD_WITHOUT_FENCE_AFTER,
    LOAD_AFTER_A_HOP,
    LOAD_AFTER_A_HOP_WITHOUT_FENCES,
    PRODUCT_OVER_LOADS,
    PRODUCT_WITHOUT_FENCE_BEFORE,
    PRODUCT_WITHOUT_FENCE_AFTER,
    A_WITHOUT_STORE_WAIT,
    STORE_OVER_A,
    PRODUCT_OVER_A,
    PRODUCT_OF_OTHER_SHAPE,
    PRODUCT_ADDS_TO_NOTHING,
    OPERAND_WITHOUT_WAIT,
    OPERAND_WITHOUT_PROXY_FENCE,
    COPY_OVER_OPERAND,
    STORE_OVER_OPERAND,
    INSTRUCTION_OF_64_ROWS,
    INSTRUCTION_OF_24_COLUMNS,
    INSTRUCTION_RESERVED,
    INSTRUCTION_MIXED,
    INSTRUCTION_FLOAT16_SUMS,
    INSTRUCTION_A_TRANSPOSED,
    DESCRIPTOR_OF_ANOTHER_GENERATION,
    DESCRIPTOR_SWIZZLE,
    DESCRIPTOR_ABSOLUTE,
    DESCRIPTOR_LEADING,
    DESCRIPTOR_CROSSES_THE_ROW,
    MATRIX_NOT_AT_LANE_0,
    TWO_ISSUERS,
    COMMIT_MISSING,
    COMMIT_NEVER_AWAITED,
    COMMIT_BEYOND,
};

extern __shared__ __align__(1024) u8 dynamic_shared_memory[];

constexpr Major INNER = Major::Inner;
constexpr Major OUTER = Major::Outer;

__device__ __forceinline__ constexpr u32 instruction(Major a, Major b, int columns = 64,
                                                     ElementType element = ElementType::BFloat16) {
    return tcgen05_instruction(element, columns, a, b);
}

__device__ __forceinline__ u64 operand(const u8* tile, Major major = INNER) {
    return tcgen05_descriptor(shared_address(tile), major == INNER ? 16 : TILE_BYTES, 1024);
}

// Where CuTe (CUTLASS 7107b0553, include/cute: UMMA::Layout_K_… and Layout_MN_…_Atom, tile_to_shape over 128 × 64,
// UMMA::make_umma_desc) puts the elements of an operand of 128 × 16, and how it describes it: byte offsets of the
// elements 1, 2, 4, … 64 along M or N, and 1, 2, 4, 8 along K. Others are the exclusive or of these.
struct Layout {
    u64 descriptor;  // but for the start address
    u32 outer[7];
    u32 inner[4];

    __device__ __forceinline__ u32 offset(int m, int k) const {
        u32 sum = 0;
        for (int bit = 0; bit < 7; ++bit) {
            sum ^= m >> bit & 1 ? outer[bit] : 0;
        }
        for (int bit = 0; bit < 4; ++bit) {
            sum ^= k >> bit & 1 ? inner[bit] : 0;
        }
        return sum;
    }
};

constexpr Layout layouts[] = {
    {0x0000400800800000, {16, 32, 64, 128, 256, 512, 1024}, {2, 4, 8, 2048}},
    {0xC000401000010000, {32, 64, 144, 256, 512, 1024, 2048}, {2, 4, 8, 16}},
    {0x8000402000010000, {64, 144, 288, 512, 1024, 2048, 4096}, {2, 4, 8, 16}},
    {0x4000404000010000, {144, 288, 576, 1024, 2048, 4096, 8192}, {2, 4, 8, 16}},
    {0x0000400800800000, {2, 4, 8, 128, 256, 512, 1024}, {16, 32, 64, 2048}},
    {0xC000408000100000, {2, 4, 8, 16, 256, 512, 1024}, {32, 64, 144, 2048}},
    {0x8000408000200000, {2, 4, 8, 16, 32, 512, 1024}, {64, 144, 288, 2048}},
    {0x4000408000400000, {2, 4, 8, 16, 32, 64, 1024}, {144, 288, 576, 2048}},
};

struct Bench {
    SharedMemory& shared;
    const TensorMap& map;
    int thread;
    u32 base;  // of the allocation
    u32 row;   // of this warp's lanes, column 0

    __device__ __forceinline__ void load_operands() const {
        if (thread == 0) {
            mbarrier_arrive_expect_bytes(&shared.full, 3 * TILE_BYTES);
            tma_load_5d(shared.a, &map, &shared.full, 0, 0, 0, 0, 0);
            tma_load_5d(shared.a + TILE_BYTES, &map, &shared.full, 0, 64, 0, 0, 0);
            tma_load_5d(shared.b, &map, &shared.full, 0, 64, 0, 0, 0);
        }
        mbarrier_wait(&shared.full, 0);
    }

    // 64 of the inner dimension, in one thread.
    __device__ __forceinline__ void multiply(Major a, Major b, ElementType element = ElementType::BFloat16) const {
        for (int k = 0; k < DEPTH / 16; ++k) {
            tcgen05_multiply(base, tcgen05_advance(operand(shared.a, a), (a == INNER ? 32 : 2048) * k),
                             tcgen05_advance(operand(shared.b, b), (b == INNER ? 32 : 2048) * k),
                             instruction(a, b, 64, element), k != 0);
        }
    }

    // A's row of this thread, by the numbers of row and column.
    __device__ __forceinline__ void store_a() const {
        u32 words[DEPTH / 2];
        for (int i = 0; i < DEPTH / 2; ++i) {
            words[i] = pack_bfloat16(static_cast<float>(thread % 7 + 2 * i % 5),
                                     static_cast<float>(thread % 7 + (2 * i + 1) % 5));
        }
        Tcgen05Columns<DEPTH / 2>::store(row + A_COLUMN, words);
    }

    __device__ __forceinline__ void multiply_tensor() const {
        for (int k = 0; k < DEPTH / 16; ++k) {
            tcgen05_multiply_tensor(base, base + A_COLUMN + 8 * k, tcgen05_advance(operand(shared.b, OUTER), 2048 * k),
                                    instruction(INNER, OUTER), k != 0);
        }
    }

    __device__ __forceinline__ void wait_for_products() const {
        mbarrier_wait(&shared.done, 0);
        tcgen05_fence_after_sync();
    }

    __device__ __forceinline__ void write_out(u32* output) const {
        float d[64];
        Tcgen05Columns<64>::load(d, row);
        tcgen05_wait_loads();
        for (int i = 0; i < 64; ++i) {
            output[64 * thread + i] = __builtin_bit_cast(u32, d[i]);
        }
    }

    // Puts zeros into the thread's row of `COUNT` columns.
    template <int COUNT>
    __device__ __forceinline__ void clear() const {
        float zeros[COUNT] = {};
        Tcgen05Columns<COUNT>::store(row, zeros);
    }

    template <int COUNT>
    __device__ __forceinline__ void round_trip(u32* output) const {
        float values[COUNT];
        for (int i = 0; i < COUNT; ++i) {
            values[i] = static_cast<float>(1000 * COUNT + 8 * thread + i % 8);
        }
        Tcgen05Columns<COUNT>::store(row, values);
        tcgen05_wait_stores();
        float back[COUNT];
        Tcgen05Columns<COUNT>::load(back, row);
        tcgen05_wait_loads();
        float sum = 0;
        for (int i = 0; i < COUNT; ++i) {
            sum += back[i] == values[i] ? 1.0f : 0.0f;
        }
        output[thread] = static_cast<u32>(sum);
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    test_kernel(const __grid_constant__ TensorMap map, const __grid_constant__ TestArguments arguments) {
    SharedMemory& shared = *reinterpret_cast<SharedMemory*>(dynamic_shared_memory);
    int which = arguments.which;
    int thread = static_cast<int>(threadIdx.x);
    int warp = thread / 32;
    if (thread == 0) {
        mbarrier_init(&shared.full, 1);
        mbarrier_init(&shared.done, 1);
        mbarrier_init(&shared.other, 128);
        mbarrier_init_fence();
    }
    if (warp == 0) {
        tcgen05_allocate<COLUMNS>(&shared.address);
    }
    __syncthreads();
    if (which != ALLOCATION_WITHOUT_FENCE) {
        tcgen05_fence_after_sync();
    }
    u32 base = shared.address;
    Bench bench{shared, map, thread, base, tcgen05_offset(base, warp % 4 * 32, 0)};
    bool issues = warp == 0 && elect_lane();
    float registers[32] = {};
    if (thread < 128) {
        switch (which) {
            case ROUND_TRIP:
                bench.round_trip<8>(arguments.output);
                bench.round_trip<16>(arguments.output + 128);
                bench.round_trip<32>(arguments.output + 256);
                bench.round_trip<64>(arguments.output + 384);
                bench.round_trip<128>(arguments.output + 512);
                break;
            case PRODUCT_INNER:
            case PRODUCT_OUTER_A:
            case PRODUCT_OUTER_B:
            case PRODUCT_FLOAT16:
                bench.load_operands();
                if (issues) {
                    bench.multiply(which == PRODUCT_OUTER_A ? OUTER : INNER, which == PRODUCT_OUTER_B ? OUTER : INNER,
                                   which == PRODUCT_FLOAT16 ? ElementType::Float16 : ElementType::BFloat16);
                    tcgen05_commit(&shared.done);
                }
                bench.wait_for_products();
                bench.write_out(arguments.output);
                break;
            case PRODUCT_TENSOR:
            case PRODUCT_WITHOUT_FENCE_BEFORE:
            case PRODUCT_WITHOUT_FENCE_AFTER:
            case A_WITHOUT_STORE_WAIT:
            case STORE_OVER_A:
            case PRODUCT_OVER_A:
            case INSTRUCTION_A_TRANSPOSED:
                bench.load_operands();
                bench.store_a();
                if (which != A_WITHOUT_STORE_WAIT) {
                    tcgen05_wait_stores();
                }
                if (which != PRODUCT_WITHOUT_FENCE_BEFORE) {
                    tcgen05_fence_before_sync();
                }
                named_barrier_sync(1, 128);
                if (issues) {
                    if (which != PRODUCT_WITHOUT_FENCE_AFTER) {
                        tcgen05_fence_after_sync();
                    }
                    if (which == INSTRUCTION_A_TRANSPOSED) {
                        tcgen05_multiply_tensor(base, base + A_COLUMN, operand(shared.b, OUTER),
                                                instruction(OUTER, OUTER), false);
                    }
                    bench.multiply_tensor();
                    if (which == PRODUCT_OVER_A) {  // its D is another's A
                        tcgen05_multiply(base + A_COLUMN, operand(shared.a), operand(shared.b),
                                         instruction(INNER, INNER), false);
                    }
                    tcgen05_commit(&shared.done);
                }
                if (which == STORE_OVER_A) {
                    named_barrier_sync(1, 128);
                    tcgen05_fence_after_sync();
                    bench.store_a();
                }
                bench.wait_for_products();
                bench.write_out(arguments.output);
                break;
            case PRODUCT_WIDE:  // 256 columns: rows of B as often as it takes; written out every fourth column
                bench.load_operands();
                if (issues) {
                    // All of B's groups of 8 rows are the same one.
                    u64 b = tcgen05_descriptor(shared_address(shared.b), 16, 0);
                    tcgen05_multiply(base, operand(shared.a), b, instruction(INNER, INNER, 256), false);
                    tcgen05_multiply(base, operand(shared.a), b, instruction(INNER, INNER, 256), true);
                    tcgen05_commit(&shared.done);
                }
                bench.wait_for_products();
                for (int first = 0; first < 256; first += 64) {
                    float d[64];
                    Tcgen05Columns<64>::load(d, bench.row + first);
                    tcgen05_wait_loads();
                    for (int i = 0; i < 64; i += 4) {
                        arguments.output[64 * thread + (first + i) / 4] = __builtin_bit_cast(u32, d[i]);
                    }
                }
                break;
            case LAYOUT_INNER_UNSWIZZLED:
            case LAYOUT_INNER_32:
            case LAYOUT_INNER_64:
            case LAYOUT_INNER_128:
            case LAYOUT_OUTER_UNSWIZZLED:
            case LAYOUT_OUTER_32:
            case LAYOUT_OUTER_64:
            case LAYOUT_OUTER_128: {
                const Layout& layout = layouts[which - LAYOUT_INNER_UNSWIZZLED];
                Major major = which < LAYOUT_OUTER_UNSWIZZLED ? INNER : OUTER;
                if (issues) {  // neighbours in a word are one thread's
                    for (int i = 0; i < 128 * 16; ++i) {
                        u32 at = layout.offset(i / 16, i % 16);
                        float value = static_cast<float>((i / 16 * 5 + i % 16 * 3) % 11 - 5);
                        auto bits = static_cast<u16>(pack_bfloat16(value, 0));
                        *reinterpret_cast<u16*>(shared.a + at) = bits;
                        if (i < 64 * 16) {
                            *reinterpret_cast<u16*>(shared.b + at) = bits;
                        }
                    }
                    fence_proxy_async_shared();
                    tcgen05_multiply(base, layout.descriptor | shared_address(shared.a) >> 4,
                                     layout.descriptor | shared_address(shared.b) >> 4, instruction(major, major),
                                     false);
                    tcgen05_commit(&shared.done);
                }
                bench.wait_for_products();
                bench.write_out(arguments.output);
                break;
            }
            case ELECTED:
                for (int round = 0; round < 4; ++round) {
                    arguments.output[128 * round + thread] = elect_lane();
                }
                break;
            case PAIRS: {
                FloatPair x{1.0f + 0x1p-12f, static_cast<float>(thread)};
                FloatPair y{-1.0f, 3.0f};
                FloatPair sum = pair_multiply_add(x, x, y);
                arguments.output[4 * thread] = __builtin_bit_cast(u32, sum.low);
                arguments.output[4 * thread + 1] = static_cast<u32>(sum.high);
                arguments.output[4 * thread + 2] = static_cast<u32>(pair_add(pair_multiply(x, y), y).high);
                arguments.output[4 * thread + 3] =
                    static_cast<u32>(max3_with_nan(2.0f, static_cast<float>(thread), 77.0f));
                break;
            }
            case RELEASE_WHILE_LOADED:
                bench.clear<32>();
                tcgen05_wait_stores();
                Tcgen05Columns<32>::load(registers, bench.row);
                tcgen05_wait_loads();
                named_barrier_sync(1, 128);  // no fence before
                break;
            case OUTSIDE_ALLOCATION:
                Tcgen05Columns<32>::load(registers, bench.row + COLUMNS - 16);
                break;
            case OTHER_WARPS_LANES:
                Tcgen05Columns<32>::load(registers, base);
                break;
            case OTHER_ADDRESS:
                Tcgen05Columns<32>::load(registers, bench.row + thread % 2);
                break;
            case LOAD_UNWRITTEN:
                Tcgen05Columns<32>::load(registers, bench.row);
                break;
            case ALLOCATION_WITHOUT_FENCE:
                bench.clear<32>();
                break;
            case READ_LOADING_REGISTER:
                bench.clear<32>();
                tcgen05_wait_stores();
                Tcgen05Columns<32>::load(registers, bench.row);
                arguments.output[thread] = __builtin_bit_cast(u32, registers[3]);
                break;
            case STORE_OVER_LOAD:
                bench.clear<32>();
                tcgen05_wait_stores();
                Tcgen05Columns<32>::load(registers, bench.row);
                bench.clear<32>();
                break;
            case LOAD_WITHOUT_STORE_WAIT:
                bench.clear<32>();
                Tcgen05Columns<32>::load(registers, bench.row);
                break;
            case STORE_OVER_STORE:
                bench.clear<32>();
                bench.clear<32>();
                break;
            case LOAD_NEVER_AWAITED:
                bench.clear<32>();
                tcgen05_wait_stores();
                Tcgen05Columns<32>::load(registers, bench.row);
                break;
            case STORE_NEVER_AWAITED:
                bench.clear<32>();
                break;
            case LOAD_WITHOUT_COMMIT:
            case LOAD_WITHOUT_FENCE_AFTER:
                bench.load_operands();
                if (issues) {
                    bench.multiply(INNER, INNER);
                    tcgen05_commit(&shared.done);
                }
                if (which == LOAD_WITHOUT_FENCE_AFTER) {
                    mbarrier_wait(&shared.done, 0);
                } else {
                    named_barrier_sync(1, 128);
                    tcgen05_fence_after_sync();
                }
                bench.write_out(arguments.output);
                break;
            case LOAD_AFTER_A_HOP:  // who has waited for the product tells the others
            case LOAD_AFTER_A_HOP_WITHOUT_FENCES:
                bench.load_operands();
                if (issues) {
                    bench.multiply(INNER, INNER);
                    tcgen05_commit(&shared.done);
                    mbarrier_wait(&shared.done, 0);
                    if (which == LOAD_AFTER_A_HOP) {
                        tcgen05_fence_after_sync();
                        tcgen05_fence_before_sync();
                    }
                }
                named_barrier_sync(1, 128);
                tcgen05_fence_after_sync();
                bench.write_out(arguments.output);
                break;
            case PRODUCT_OVER_LOADS:  // only the issuing warp's are known to be done
                bench.load_operands();
                bench.clear<32>();
                tcgen05_wait_stores();
                tcgen05_fence_before_sync();
                named_barrier_sync(1, 128);
                tcgen05_fence_after_sync();
                Tcgen05Columns<32>::load(registers, bench.row);
                tcgen05_wait_loads();
                if (issues) {
                    bench.multiply(INNER, INNER);
                }
                break;
            case PRODUCT_OF_OTHER_SHAPE:
                bench.load_operands();
                if (issues) {
                    bench.multiply(INNER, INNER);
                    tcgen05_multiply(base, operand(shared.a), operand(shared.b), instruction(INNER, INNER, 32), true);
                }
                break;
            case PRODUCT_ADDS_TO_NOTHING:
                bench.load_operands();
                if (issues) {
                    tcgen05_multiply(base, operand(shared.a), operand(shared.b), instruction(INNER, INNER), true);
                }
                break;
            case OPERAND_WITHOUT_WAIT:
                if (issues) {
                    mbarrier_arrive_expect_bytes(&shared.full, TILE_BYTES);
                    tma_load_5d(shared.a, &map, &shared.full, 0, 0, 0, 0, 0);
                    bench.multiply(INNER, INNER);
                }
                break;
            case OPERAND_WITHOUT_PROXY_FENCE:
                bench.load_operands();
                if (issues) {
                    reinterpret_cast<u32*>(shared.b)[0] = 0;
                    bench.multiply(INNER, INNER);
                }
                break;
            case COPY_OVER_OPERAND:
            case STORE_OVER_OPERAND:
                bench.load_operands();
                if (issues) {
                    bench.multiply(INNER, INNER);
                    tcgen05_commit(&shared.done);
                    if (which == COPY_OVER_OPERAND) {
                        mbarrier_arrive_expect_bytes(&shared.full, TILE_BYTES);
                        tma_load_5d(shared.b, &map, &shared.full, 0, 0, 0, 0, 0);
                    } else {
                        reinterpret_cast<u32*>(shared.a)[77] = 0;
                    }
                }
                break;
            case INSTRUCTION_OF_64_ROWS:
            case INSTRUCTION_OF_24_COLUMNS:
            case INSTRUCTION_RESERVED:
            case INSTRUCTION_MIXED:
            case INSTRUCTION_FLOAT16_SUMS:
                bench.load_operands();
                if (issues) {
                    u32 bits = instruction(INNER, INNER, which == INSTRUCTION_OF_24_COLUMNS ? 24 : 64);
                    bits ^= which == INSTRUCTION_OF_64_ROWS ? 0b1100u << 24 : 0;
                    bits ^= which == INSTRUCTION_RESERVED ? 1u << 23 : 0;
                    bits ^= which == INSTRUCTION_MIXED ? 1u << 10 : 0;
                    bits ^= which == INSTRUCTION_FLOAT16_SUMS ? 1u << 4 : 0;
                    tcgen05_multiply(base, operand(shared.a), operand(shared.b), bits, false);
                }
                break;
            case DESCRIPTOR_OF_ANOTHER_GENERATION:
            case DESCRIPTOR_SWIZZLE:
            case DESCRIPTOR_ABSOLUTE:
            case DESCRIPTOR_LEADING:
            case DESCRIPTOR_CROSSES_THE_ROW:
            case MATRIX_NOT_AT_LANE_0:
                bench.load_operands();
                if (issues) {
                    u64 a = operand(shared.a);
                    a ^= which == DESCRIPTOR_OF_ANOTHER_GENERATION ? 1ull << 46 : 0;
                    a ^= which == DESCRIPTOR_SWIZZLE ? 3ull << 61 : 0;
                    a ^= which == DESCRIPTOR_ABSOLUTE ? 1ull << 52 : 0;
                    a ^= which == DESCRIPTOR_LEADING ? 3ull << 16 : 0;
                    a = which == DESCRIPTOR_CROSSES_THE_ROW ? tcgen05_advance(a, 112) : a;
                    u32 d = which == MATRIX_NOT_AT_LANE_0 ? tcgen05_offset(base, 32, 0) : base;
                    tcgen05_multiply(d, a, operand(shared.b), instruction(INNER, INNER), false);
                }
                break;
            case TWO_ISSUERS:
                bench.load_operands();
                if (thread % 32 < 2 && warp == 0) {
                    tcgen05_multiply(base + 64 * thread, operand(shared.a), operand(shared.b),
                                     instruction(INNER, INNER), false);
                }
                break;
            case COMMIT_MISSING:
                bench.load_operands();
                if (issues) {
                    bench.multiply(INNER, INNER);
                }
                break;
            case COMMIT_NEVER_AWAITED:
                bench.load_operands();
                if (issues) {
                    bench.multiply(INNER, INNER);
                    tcgen05_commit(&shared.done);
                }
                break;
            case COMMIT_BEYOND:
                if (issues) {
                    mbarrier_arrive_expect_bytes(&shared.done, 16);
                    tcgen05_commit(&shared.done);
                }
                mbarrier_wait(&shared.other, 0);
                break;
        }
    }
    if (which == LOAD_NEVER_AWAITED || which == STORE_NEVER_AWAITED || which == COMMIT_MISSING) {
        return;
    }
    if (which == ALLOCATE_IN_ANOTHER_WARP && warp == 1) {
        tcgen05_allocate<32>(&shared.more);
    }
    if (which != RELEASE_WHILE_LOADED) {
        tcgen05_fence_before_sync();
    }
    __syncthreads();
    tcgen05_fence_after_sync();
    if (warp == 0 && which != LEAK) {
        if (which == ALLOCATE_AFTER_RELINQUISH) {
            tcgen05_relinquish();
            tcgen05_allocate<32>(&shared.more);
        }
        if (which == ALLOCATE_TOO_MUCH) {
            tcgen05_allocate<256>(&shared.more);
            tcgen05_allocate<32>(&shared.more);
        }
        if (which == ALLOCATE_MORE_THAN_BEFORE) {
            tcgen05_allocate<32>(&shared.more);
            tcgen05_allocate<64>(&shared.more);
        }
        if (which == ALLOCATE_OTHER_THAN_A_POWER) {
            simulator::tensor_allocate(48, &shared.more);
        }
        tcgen05_release<COLUMNS>(base);
        if (which == RELEASE_TWICE) {
            tcgen05_release<COLUMNS>(base);
        }
        if (which == USE_AFTER_RELEASE) {
            Tcgen05Columns<32>::load(registers, bench.row);
        }
    }
}
