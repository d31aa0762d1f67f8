#pragma once
#include "../skip_softmax/declaration.cuh"
#include "mbarrier.cuh"

// Matrix products on Blackwell with accumulators in tensor memory (PTX ISA 9.0, section 9.7.16; cta_group::1
// throughout, as all of a kernel's instructions must agree). Tensor memory is 128 lanes × 512 columns of 32 bits; an
// address holds the lane in its upper and the column in its lower half (9.7.16.1.1).
//
// Order (9.7.16.6). Products, loads and stores of tensor memory are asynchronous, and two of them are ordered only
// - where both are products of one thread with the same accumulators and the same shape: these run in order of issue;
// - where the first was waited for: loads and stores by tcgen05_wait_loads() and tcgen05_wait_stores() of their own
//   warp, products through the mbarrier of a later tcgen05_commit() of their own thread; and, where another thread goes
//   on, where tcgen05_fence_before_sync(), a barrier and tcgen05_fence_after_sync() lie in between. A commit is its own
//   fence before; who waits for its mbarrier still needs the fence after, the issuing thread too.
// So a product that overwrites what an earlier one with other accumulators reads or writes must wait for it.

// ==== Allocation (9.7.16.7.1). Every lane of one warp must call each of these, the same warp each time.

// Allocates COLUMNS columns, a power of two from 32, of all lanes and writes their address to shared memory, as a
// generic write of one of the lanes. Blocks while another CTA of this SM holds too many. Of several allocations none
// may be larger than one before. What the columns hold is undefined. Other warps' accesses need the fence after.
template <int COLUMNS>
__device__ __forceinline__ void tcgen05_allocate(u32* address) {
    static_assert(COLUMNS >= 32 && COLUMNS <= 512 && (COLUMNS & (COLUMNS - 1)) == 0, "columns that can be allocated");
    asm volatile("tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [%0], %1;" ::"r"(shared_address(address)),
                 "n"(COLUMNS)
                 : "memory");
}

// No allocation of this CTA follows: another may have its turn.
__device__ __forceinline__ void tcgen05_relinquish() {
    asm volatile("tcgen05.relinquish_alloc_permit.cta_group::1.sync.aligned;" ::: "memory");
}

// Gives the columns allocated at `address` back, on every path out of the kernel. All that used them must be ordered
// before, as for a store over them.
template <int COLUMNS>
__device__ __forceinline__ void tcgen05_release(u32 address) {
    asm volatile("tcgen05.dealloc.cta_group::1.sync.aligned.b32 %0, %1;" ::"r"(address), "n"(COLUMNS) : "memory");
}

// The address `lanes` lanes and `columns` columns further on.
__device__ __forceinline__ constexpr u32 tcgen05_offset(u32 address, int lanes, int columns) {
    return address + (static_cast<u32>(lanes) << 16) + static_cast<u32>(columns);
}

// ==== Order between threads (9.7.16.11.1). Each thread calls for itself.

// Orders this thread's earlier products, loads and stores, as far as they were waited for, and all that came before
// those, ahead of barriers and arrivals that follow.
__device__ __forceinline__ void tcgen05_fence_before_sync() {
    asm volatile("tcgen05.fence::before_thread_sync;" ::: "memory");
}

// Orders this thread's later products, loads and stores behind the barriers and waits that precede.
__device__ __forceinline__ void tcgen05_fence_after_sync() {
    asm volatile("tcgen05.fence::after_thread_sync;" ::: "memory");
}

// ==== Products (9.7.16.10.9.1): D += A·B for M = 128 rows, N columns, 16 of the inner dimension, 16-bit elements,
// float32 accumulators. One thread issues them, the same one each time.

// The dimension along which an operand's neighbours lie in memory: the inner one, or rows of A and columns of B.
enum class Major { Inner, Outer };

// Instruction descriptor (9.7.16.4.2) for N = `columns`, a multiple of 16 up to 256. A in tensor memory is
// Major::Inner.
__device__ __forceinline__ constexpr u32 tcgen05_instruction(ElementType element, int columns, Major a, Major b) {
    const u32 format = element == ElementType::BFloat16 ? 1 : 0;
    return 1u << 4                                 // float32 accumulators
           | format << 7                           // A
           | format << 10                          // B
           | (a == Major::Outer ? 1u : 0u) << 15   // A transposed
           | (b == Major::Outer ? 1u : 0u) << 16   // B transposed
           | static_cast<u32>(columns >> 3) << 17  // N
           | 128u >> 4 << 24;                      // M
}

// Descriptor of an operand in shared memory with the 128-byte swizzle (9.7.16.4.1, 9.7.16.3): rows of 128 bytes in
// groups of 8, each group 1,024-byte aligned.
// - Major::Inner: a row is 64 elements of the inner dimension of one row of A or column of B. `stride_bytes`: from one
//   group of 8 to the next. The leading distance is not used: pass 16, which the field's fixed value 1 stands for.
//   `address` may point inside the first group by whole 32-byte steps, 16 elements each, along the inner dimension.
// - Major::Outer: a row is 64 rows of A or columns of B at one place of the inner dimension. `leading_bytes`: from one
//   panel of 64 to the next. `stride_bytes`: from 8 places of the inner dimension to the next 8.
__device__ __forceinline__ constexpr u64 tcgen05_descriptor(u32 address, u32 leading_bytes, u32 stride_bytes) {
    return static_cast<u64>((address & 0x3FFFF) >> 4)                // start
           | static_cast<u64>((leading_bytes & 0x3FFFF) >> 4) << 16  // leading dimension
           | static_cast<u64>((stride_bytes & 0x3FFFF) >> 4) << 32   // stride dimension
           | 1ull << 46                                              // fixed
           | 2ull << 61;                                             // 128-byte swizzle
}

// The descriptor of the same operand `bytes` further on. Only the lower half changes: the address field has room for
// all of shared memory.
__device__ __forceinline__ constexpr u64 tcgen05_advance(u64 descriptor, u32 bytes) {
    return (descriptor & 0xFFFFFFFF00000000ull) | (static_cast<u32>(descriptor) + (bytes >> 4));
}

// A and B in shared memory, where they must be visible to the async proxy (9.7.16.6.5) and stay as they are until the
// product was waited for. D at lane 0, `columns` columns from `d`; overwritten unless `accumulate`.
__device__ __forceinline__ void tcgen05_multiply(u32 d, u64 a, u64 b, u32 instruction, bool accumulate) {
    asm volatile(
        "{\n"
        ".reg .pred accumulate;\n"
        "setp.ne.u32 accumulate, %4, 0;\n"
        "tcgen05.mma.cta_group::1.kind::f16 [%0], %1, %2, %3, accumulate;\n"
        "}" ::"r"(d),
        "l"(a), "l"(b), "r"(instruction), "r"(static_cast<u32>(accumulate))
        : "memory");
}

// The same with A in tensor memory: row r in lane r, 8 columns from `a` of two elements each, the lower index in the
// lower half.
__device__ __forceinline__ void tcgen05_multiply_tensor(u32 d, u32 a, u64 b, u32 instruction, bool accumulate) {
    asm volatile(
        "{\n"
        ".reg .pred accumulate;\n"
        "setp.ne.u32 accumulate, %4, 0;\n"
        "tcgen05.mma.cta_group::1.kind::f16 [%0], [%1], %2, %3, accumulate;\n"
        "}" ::"r"(d),
        "r"(a), "l"(b), "r"(instruction), "r"(static_cast<u32>(accumulate))
        : "memory");
}

// One arrival at `barrier` as soon as all products that this thread has issued are complete (9.7.16.12.1). Waiting for
// the phase says that they have read their operands and written D.
__device__ __forceinline__ void tcgen05_commit(Mbarrier* barrier) {
    asm volatile(
        "tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [%0];" ::"r"(shared_address(barrier))
        : "memory");
}

// ==== Loads and stores of tensor memory (9.7.16.8). Every lane of a warp must call each function, with one address.
// Warp w reaches lanes 32·(w % 4) to 32·(w % 4) + 31 only: the address names the first of them.

// Blocks until what this warp's loads have read is in its registers.
__device__ __forceinline__ void tcgen05_wait_loads() { asm volatile("tcgen05.wait::ld.sync.aligned;" ::: "memory"); }

// Blocks until this warp's stores are done.
__device__ __forceinline__ void tcgen05_wait_stores() { asm volatile("tcgen05.wait::st.sync.aligned;" ::: "memory"); }

// COUNT columns from `address`, thread t's values in the warp's t-th lane, one a column (shape 32x32b, 9.7.16.2.3.1.1).
// Loaded values may not be touched, nor the columns stored to, before tcgen05_wait_loads(); stored columns may not be
// loaded before tcgen05_wait_stores().
template <int COUNT>
struct Tcgen05Columns;

template <>
struct Tcgen05Columns<8> {
    __device__ __forceinline__ static void load(float* values, u32 address) {
        asm volatile(
            "tcgen05.ld.sync.aligned.32x32b.x8.b32 "
            "{%0, %1, %2, %3, %4, %5, %6, %7}, [%8];"
            : "=f"(values[0]), "=f"(values[1]), "=f"(values[2]), "=f"(values[3]), "=f"(values[4]), "=f"(values[5]),
              "=f"(values[6]), "=f"(values[7])
            : "r"(address));
    }

    __device__ __forceinline__ static void store(u32 address, const float* values) {
        asm volatile(
            "tcgen05.st.sync.aligned.32x32b.x8.b32 [%0], "
            "{%1, %2, %3, %4, %5, %6, %7, %8};" ::"r"(address),
            "f"(values[0]), "f"(values[1]), "f"(values[2]), "f"(values[3]), "f"(values[4]), "f"(values[5]),
            "f"(values[6]), "f"(values[7]));
    }

    __device__ __forceinline__ static void store(u32 address, const u32* values) {
        asm volatile(
            "tcgen05.st.sync.aligned.32x32b.x8.b32 [%0], "
            "{%1, %2, %3, %4, %5, %6, %7, %8};" ::"r"(address),
            "r"(values[0]), "r"(values[1]), "r"(values[2]), "r"(values[3]), "r"(values[4]), "r"(values[5]),
            "r"(values[6]), "r"(values[7]));
    }
};

template <>
struct Tcgen05Columns<16> {
    __device__ __forceinline__ static void load(float* values, u32 address) {
        asm volatile(
            "tcgen05.ld.sync.aligned.32x32b.x16.b32 "
            "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, [%16];"
            : "=f"(values[0]), "=f"(values[1]), "=f"(values[2]), "=f"(values[3]), "=f"(values[4]), "=f"(values[5]),
              "=f"(values[6]), "=f"(values[7]), "=f"(values[8]), "=f"(values[9]), "=f"(values[10]), "=f"(values[11]),
              "=f"(values[12]), "=f"(values[13]), "=f"(values[14]), "=f"(values[15])
            : "r"(address));
    }

    __device__ __forceinline__ static void store(u32 address, const float* values) {
        asm volatile(
            "tcgen05.st.sync.aligned.32x32b.x16.b32 [%0], "
            "{%1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16};" ::"r"(address),
            "f"(values[0]), "f"(values[1]), "f"(values[2]), "f"(values[3]), "f"(values[4]), "f"(values[5]),
            "f"(values[6]), "f"(values[7]), "f"(values[8]), "f"(values[9]), "f"(values[10]), "f"(values[11]),
            "f"(values[12]), "f"(values[13]), "f"(values[14]), "f"(values[15]));
    }

    __device__ __forceinline__ static void store(u32 address, const u32* values) {
        asm volatile(
            "tcgen05.st.sync.aligned.32x32b.x16.b32 [%0], "
            "{%1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16};" ::"r"(address),
            "r"(values[0]), "r"(values[1]), "r"(values[2]), "r"(values[3]), "r"(values[4]), "r"(values[5]),
            "r"(values[6]), "r"(values[7]), "r"(values[8]), "r"(values[9]), "r"(values[10]), "r"(values[11]),
            "r"(values[12]), "r"(values[13]), "r"(values[14]), "r"(values[15]));
    }
};

template <>
struct Tcgen05Columns<32> {
    __device__ __forceinline__ static void load(float* values, u32 address) {
        asm volatile(
            "tcgen05.ld.sync.aligned.32x32b.x32.b32 "
            "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
            "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, [%32];"
            : "=f"(values[0]), "=f"(values[1]), "=f"(values[2]), "=f"(values[3]), "=f"(values[4]), "=f"(values[5]),
              "=f"(values[6]), "=f"(values[7]), "=f"(values[8]), "=f"(values[9]), "=f"(values[10]), "=f"(values[11]),
              "=f"(values[12]), "=f"(values[13]), "=f"(values[14]), "=f"(values[15]), "=f"(values[16]),
              "=f"(values[17]), "=f"(values[18]), "=f"(values[19]), "=f"(values[20]), "=f"(values[21]),
              "=f"(values[22]), "=f"(values[23]), "=f"(values[24]), "=f"(values[25]), "=f"(values[26]),
              "=f"(values[27]), "=f"(values[28]), "=f"(values[29]), "=f"(values[30]), "=f"(values[31])
            : "r"(address));
    }

    __device__ __forceinline__ static void store(u32 address, const float* values) {
        asm volatile(
            "tcgen05.st.sync.aligned.32x32b.x32.b32 [%0], "
            "{%1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, "
            "%17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32};" ::"r"(address),
            "f"(values[0]), "f"(values[1]), "f"(values[2]), "f"(values[3]), "f"(values[4]), "f"(values[5]),
            "f"(values[6]), "f"(values[7]), "f"(values[8]), "f"(values[9]), "f"(values[10]), "f"(values[11]),
            "f"(values[12]), "f"(values[13]), "f"(values[14]), "f"(values[15]), "f"(values[16]), "f"(values[17]),
            "f"(values[18]), "f"(values[19]), "f"(values[20]), "f"(values[21]), "f"(values[22]), "f"(values[23]),
            "f"(values[24]), "f"(values[25]), "f"(values[26]), "f"(values[27]), "f"(values[28]), "f"(values[29]),
            "f"(values[30]), "f"(values[31]));
    }

    __device__ __forceinline__ static void store(u32 address, const u32* values) {
        asm volatile(
            "tcgen05.st.sync.aligned.32x32b.x32.b32 [%0], "
            "{%1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, "
            "%17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32};" ::"r"(address),
            "r"(values[0]), "r"(values[1]), "r"(values[2]), "r"(values[3]), "r"(values[4]), "r"(values[5]),
            "r"(values[6]), "r"(values[7]), "r"(values[8]), "r"(values[9]), "r"(values[10]), "r"(values[11]),
            "r"(values[12]), "r"(values[13]), "r"(values[14]), "r"(values[15]), "r"(values[16]), "r"(values[17]),
            "r"(values[18]), "r"(values[19]), "r"(values[20]), "r"(values[21]), "r"(values[22]), "r"(values[23]),
            "r"(values[24]), "r"(values[25]), "r"(values[26]), "r"(values[27]), "r"(values[28]), "r"(values[29]),
            "r"(values[30]), "r"(values[31]));
    }
};

template <>
struct Tcgen05Columns<64> {
    __device__ __forceinline__ static void load(float* values, u32 address) {
        asm volatile(
            "tcgen05.ld.sync.aligned.32x32b.x64.b32 "
            "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
            "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
            "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
            "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, [%64];"
            : "=f"(values[0]), "=f"(values[1]), "=f"(values[2]), "=f"(values[3]), "=f"(values[4]), "=f"(values[5]),
              "=f"(values[6]), "=f"(values[7]), "=f"(values[8]), "=f"(values[9]), "=f"(values[10]), "=f"(values[11]),
              "=f"(values[12]), "=f"(values[13]), "=f"(values[14]), "=f"(values[15]), "=f"(values[16]),
              "=f"(values[17]), "=f"(values[18]), "=f"(values[19]), "=f"(values[20]), "=f"(values[21]),
              "=f"(values[22]), "=f"(values[23]), "=f"(values[24]), "=f"(values[25]), "=f"(values[26]),
              "=f"(values[27]), "=f"(values[28]), "=f"(values[29]), "=f"(values[30]), "=f"(values[31]),
              "=f"(values[32]), "=f"(values[33]), "=f"(values[34]), "=f"(values[35]), "=f"(values[36]),
              "=f"(values[37]), "=f"(values[38]), "=f"(values[39]), "=f"(values[40]), "=f"(values[41]),
              "=f"(values[42]), "=f"(values[43]), "=f"(values[44]), "=f"(values[45]), "=f"(values[46]),
              "=f"(values[47]), "=f"(values[48]), "=f"(values[49]), "=f"(values[50]), "=f"(values[51]),
              "=f"(values[52]), "=f"(values[53]), "=f"(values[54]), "=f"(values[55]), "=f"(values[56]),
              "=f"(values[57]), "=f"(values[58]), "=f"(values[59]), "=f"(values[60]), "=f"(values[61]),
              "=f"(values[62]), "=f"(values[63])
            : "r"(address));
    }

    __device__ __forceinline__ static void store(u32 address, const float* values) {
        asm volatile(
            "tcgen05.st.sync.aligned.32x32b.x64.b32 [%0], "
            "{%1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, "
            "%17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, "
            "%33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, "
            "%49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64};" ::"r"(address),
            "f"(values[0]), "f"(values[1]), "f"(values[2]), "f"(values[3]), "f"(values[4]), "f"(values[5]),
            "f"(values[6]), "f"(values[7]), "f"(values[8]), "f"(values[9]), "f"(values[10]), "f"(values[11]),
            "f"(values[12]), "f"(values[13]), "f"(values[14]), "f"(values[15]), "f"(values[16]), "f"(values[17]),
            "f"(values[18]), "f"(values[19]), "f"(values[20]), "f"(values[21]), "f"(values[22]), "f"(values[23]),
            "f"(values[24]), "f"(values[25]), "f"(values[26]), "f"(values[27]), "f"(values[28]), "f"(values[29]),
            "f"(values[30]), "f"(values[31]), "f"(values[32]), "f"(values[33]), "f"(values[34]), "f"(values[35]),
            "f"(values[36]), "f"(values[37]), "f"(values[38]), "f"(values[39]), "f"(values[40]), "f"(values[41]),
            "f"(values[42]), "f"(values[43]), "f"(values[44]), "f"(values[45]), "f"(values[46]), "f"(values[47]),
            "f"(values[48]), "f"(values[49]), "f"(values[50]), "f"(values[51]), "f"(values[52]), "f"(values[53]),
            "f"(values[54]), "f"(values[55]), "f"(values[56]), "f"(values[57]), "f"(values[58]), "f"(values[59]),
            "f"(values[60]), "f"(values[61]), "f"(values[62]), "f"(values[63]));
    }

    __device__ __forceinline__ static void store(u32 address, const u32* values) {
        asm volatile(
            "tcgen05.st.sync.aligned.32x32b.x64.b32 [%0], "
            "{%1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, "
            "%17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, "
            "%33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, "
            "%49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64};" ::"r"(address),
            "r"(values[0]), "r"(values[1]), "r"(values[2]), "r"(values[3]), "r"(values[4]), "r"(values[5]),
            "r"(values[6]), "r"(values[7]), "r"(values[8]), "r"(values[9]), "r"(values[10]), "r"(values[11]),
            "r"(values[12]), "r"(values[13]), "r"(values[14]), "r"(values[15]), "r"(values[16]), "r"(values[17]),
            "r"(values[18]), "r"(values[19]), "r"(values[20]), "r"(values[21]), "r"(values[22]), "r"(values[23]),
            "r"(values[24]), "r"(values[25]), "r"(values[26]), "r"(values[27]), "r"(values[28]), "r"(values[29]),
            "r"(values[30]), "r"(values[31]), "r"(values[32]), "r"(values[33]), "r"(values[34]), "r"(values[35]),
            "r"(values[36]), "r"(values[37]), "r"(values[38]), "r"(values[39]), "r"(values[40]), "r"(values[41]),
            "r"(values[42]), "r"(values[43]), "r"(values[44]), "r"(values[45]), "r"(values[46]), "r"(values[47]),
            "r"(values[48]), "r"(values[49]), "r"(values[50]), "r"(values[51]), "r"(values[52]), "r"(values[53]),
            "r"(values[54]), "r"(values[55]), "r"(values[56]), "r"(values[57]), "r"(values[58]), "r"(values[59]),
            "r"(values[60]), "r"(values[61]), "r"(values[62]), "r"(values[63]));
    }
};

template <>
struct Tcgen05Columns<128> {
    __device__ __forceinline__ static void load(float* values, u32 address) {
        asm volatile(
            "tcgen05.ld.sync.aligned.32x32b.x128.b32 "
            "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
            "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
            "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
            "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
            "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
            "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
            "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "
            "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, [%128];"
            : "=f"(values[0]), "=f"(values[1]), "=f"(values[2]), "=f"(values[3]), "=f"(values[4]), "=f"(values[5]),
              "=f"(values[6]), "=f"(values[7]), "=f"(values[8]), "=f"(values[9]), "=f"(values[10]), "=f"(values[11]),
              "=f"(values[12]), "=f"(values[13]), "=f"(values[14]), "=f"(values[15]), "=f"(values[16]),
              "=f"(values[17]), "=f"(values[18]), "=f"(values[19]), "=f"(values[20]), "=f"(values[21]),
              "=f"(values[22]), "=f"(values[23]), "=f"(values[24]), "=f"(values[25]), "=f"(values[26]),
              "=f"(values[27]), "=f"(values[28]), "=f"(values[29]), "=f"(values[30]), "=f"(values[31]),
              "=f"(values[32]), "=f"(values[33]), "=f"(values[34]), "=f"(values[35]), "=f"(values[36]),
              "=f"(values[37]), "=f"(values[38]), "=f"(values[39]), "=f"(values[40]), "=f"(values[41]),
              "=f"(values[42]), "=f"(values[43]), "=f"(values[44]), "=f"(values[45]), "=f"(values[46]),
              "=f"(values[47]), "=f"(values[48]), "=f"(values[49]), "=f"(values[50]), "=f"(values[51]),
              "=f"(values[52]), "=f"(values[53]), "=f"(values[54]), "=f"(values[55]), "=f"(values[56]),
              "=f"(values[57]), "=f"(values[58]), "=f"(values[59]), "=f"(values[60]), "=f"(values[61]),
              "=f"(values[62]), "=f"(values[63]), "=f"(values[64]), "=f"(values[65]), "=f"(values[66]),
              "=f"(values[67]), "=f"(values[68]), "=f"(values[69]), "=f"(values[70]), "=f"(values[71]),
              "=f"(values[72]), "=f"(values[73]), "=f"(values[74]), "=f"(values[75]), "=f"(values[76]),
              "=f"(values[77]), "=f"(values[78]), "=f"(values[79]), "=f"(values[80]), "=f"(values[81]),
              "=f"(values[82]), "=f"(values[83]), "=f"(values[84]), "=f"(values[85]), "=f"(values[86]),
              "=f"(values[87]), "=f"(values[88]), "=f"(values[89]), "=f"(values[90]), "=f"(values[91]),
              "=f"(values[92]), "=f"(values[93]), "=f"(values[94]), "=f"(values[95]), "=f"(values[96]),
              "=f"(values[97]), "=f"(values[98]), "=f"(values[99]), "=f"(values[100]), "=f"(values[101]),
              "=f"(values[102]), "=f"(values[103]), "=f"(values[104]), "=f"(values[105]), "=f"(values[106]),
              "=f"(values[107]), "=f"(values[108]), "=f"(values[109]), "=f"(values[110]), "=f"(values[111]),
              "=f"(values[112]), "=f"(values[113]), "=f"(values[114]), "=f"(values[115]), "=f"(values[116]),
              "=f"(values[117]), "=f"(values[118]), "=f"(values[119]), "=f"(values[120]), "=f"(values[121]),
              "=f"(values[122]), "=f"(values[123]), "=f"(values[124]), "=f"(values[125]), "=f"(values[126]),
              "=f"(values[127])
            : "r"(address));
    }

    __device__ __forceinline__ static void store(u32 address, const float* values) {
        asm volatile(
            "tcgen05.st.sync.aligned.32x32b.x128.b32 [%0], "
            "{%1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, "
            "%17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, "
            "%33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, "
            "%49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, "
            "%65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, "
            "%81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96, "
            "%97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, "
            "%113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127, %128};" ::"r"(
                address),
            "f"(values[0]), "f"(values[1]), "f"(values[2]), "f"(values[3]), "f"(values[4]), "f"(values[5]),
            "f"(values[6]), "f"(values[7]), "f"(values[8]), "f"(values[9]), "f"(values[10]), "f"(values[11]),
            "f"(values[12]), "f"(values[13]), "f"(values[14]), "f"(values[15]), "f"(values[16]), "f"(values[17]),
            "f"(values[18]), "f"(values[19]), "f"(values[20]), "f"(values[21]), "f"(values[22]), "f"(values[23]),
            "f"(values[24]), "f"(values[25]), "f"(values[26]), "f"(values[27]), "f"(values[28]), "f"(values[29]),
            "f"(values[30]), "f"(values[31]), "f"(values[32]), "f"(values[33]), "f"(values[34]), "f"(values[35]),
            "f"(values[36]), "f"(values[37]), "f"(values[38]), "f"(values[39]), "f"(values[40]), "f"(values[41]),
            "f"(values[42]), "f"(values[43]), "f"(values[44]), "f"(values[45]), "f"(values[46]), "f"(values[47]),
            "f"(values[48]), "f"(values[49]), "f"(values[50]), "f"(values[51]), "f"(values[52]), "f"(values[53]),
            "f"(values[54]), "f"(values[55]), "f"(values[56]), "f"(values[57]), "f"(values[58]), "f"(values[59]),
            "f"(values[60]), "f"(values[61]), "f"(values[62]), "f"(values[63]), "f"(values[64]), "f"(values[65]),
            "f"(values[66]), "f"(values[67]), "f"(values[68]), "f"(values[69]), "f"(values[70]), "f"(values[71]),
            "f"(values[72]), "f"(values[73]), "f"(values[74]), "f"(values[75]), "f"(values[76]), "f"(values[77]),
            "f"(values[78]), "f"(values[79]), "f"(values[80]), "f"(values[81]), "f"(values[82]), "f"(values[83]),
            "f"(values[84]), "f"(values[85]), "f"(values[86]), "f"(values[87]), "f"(values[88]), "f"(values[89]),
            "f"(values[90]), "f"(values[91]), "f"(values[92]), "f"(values[93]), "f"(values[94]), "f"(values[95]),
            "f"(values[96]), "f"(values[97]), "f"(values[98]), "f"(values[99]), "f"(values[100]), "f"(values[101]),
            "f"(values[102]), "f"(values[103]), "f"(values[104]), "f"(values[105]), "f"(values[106]), "f"(values[107]),
            "f"(values[108]), "f"(values[109]), "f"(values[110]), "f"(values[111]), "f"(values[112]), "f"(values[113]),
            "f"(values[114]), "f"(values[115]), "f"(values[116]), "f"(values[117]), "f"(values[118]), "f"(values[119]),
            "f"(values[120]), "f"(values[121]), "f"(values[122]), "f"(values[123]), "f"(values[124]), "f"(values[125]),
            "f"(values[126]), "f"(values[127]));
    }

    __device__ __forceinline__ static void store(u32 address, const u32* values) {
        asm volatile(
            "tcgen05.st.sync.aligned.32x32b.x128.b32 [%0], "
            "{%1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, "
            "%17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, "
            "%33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, "
            "%49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, "
            "%65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, "
            "%81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96, "
            "%97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, "
            "%113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127, %128};" ::"r"(
                address),
            "r"(values[0]), "r"(values[1]), "r"(values[2]), "r"(values[3]), "r"(values[4]), "r"(values[5]),
            "r"(values[6]), "r"(values[7]), "r"(values[8]), "r"(values[9]), "r"(values[10]), "r"(values[11]),
            "r"(values[12]), "r"(values[13]), "r"(values[14]), "r"(values[15]), "r"(values[16]), "r"(values[17]),
            "r"(values[18]), "r"(values[19]), "r"(values[20]), "r"(values[21]), "r"(values[22]), "r"(values[23]),
            "r"(values[24]), "r"(values[25]), "r"(values[26]), "r"(values[27]), "r"(values[28]), "r"(values[29]),
            "r"(values[30]), "r"(values[31]), "r"(values[32]), "r"(values[33]), "r"(values[34]), "r"(values[35]),
            "r"(values[36]), "r"(values[37]), "r"(values[38]), "r"(values[39]), "r"(values[40]), "r"(values[41]),
            "r"(values[42]), "r"(values[43]), "r"(values[44]), "r"(values[45]), "r"(values[46]), "r"(values[47]),
            "r"(values[48]), "r"(values[49]), "r"(values[50]), "r"(values[51]), "r"(values[52]), "r"(values[53]),
            "r"(values[54]), "r"(values[55]), "r"(values[56]), "r"(values[57]), "r"(values[58]), "r"(values[59]),
            "r"(values[60]), "r"(values[61]), "r"(values[62]), "r"(values[63]), "r"(values[64]), "r"(values[65]),
            "r"(values[66]), "r"(values[67]), "r"(values[68]), "r"(values[69]), "r"(values[70]), "r"(values[71]),
            "r"(values[72]), "r"(values[73]), "r"(values[74]), "r"(values[75]), "r"(values[76]), "r"(values[77]),
            "r"(values[78]), "r"(values[79]), "r"(values[80]), "r"(values[81]), "r"(values[82]), "r"(values[83]),
            "r"(values[84]), "r"(values[85]), "r"(values[86]), "r"(values[87]), "r"(values[88]), "r"(values[89]),
            "r"(values[90]), "r"(values[91]), "r"(values[92]), "r"(values[93]), "r"(values[94]), "r"(values[95]),
            "r"(values[96]), "r"(values[97]), "r"(values[98]), "r"(values[99]), "r"(values[100]), "r"(values[101]),
            "r"(values[102]), "r"(values[103]), "r"(values[104]), "r"(values[105]), "r"(values[106]), "r"(values[107]),
            "r"(values[108]), "r"(values[109]), "r"(values[110]), "r"(values[111]), "r"(values[112]), "r"(values[113]),
            "r"(values[114]), "r"(values[115]), "r"(values[116]), "r"(values[117]), "r"(values[118]), "r"(values[119]),
            "r"(values[120]), "r"(values[121]), "r"(values[122]), "r"(values[123]), "r"(values[124]), "r"(values[125]),
            "r"(values[126]), "r"(values[127]));
    }
};
