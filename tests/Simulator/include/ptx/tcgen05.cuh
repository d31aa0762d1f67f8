#pragma once
#include "../skip_softmax/declaration.cuh"
#include "mbarrier.cuh"

template <int COLUMNS>
__device__ __forceinline__ void tcgen05_allocate(u32* address) {
    simulator::tensor_allocate(COLUMNS, address);
}

__device__ __forceinline__ void tcgen05_relinquish() { simulator::tensor_relinquish(); }

template <int COLUMNS>
__device__ __forceinline__ void tcgen05_release(u32 address) {
    simulator::tensor_release(COLUMNS, address);
}

__device__ __forceinline__ constexpr u32 tcgen05_offset(u32 address, int lanes, int columns) {
    return address + static_cast<u32>(lanes) * 0x10000 + static_cast<u32>(columns);
}

__device__ __forceinline__ void tcgen05_fence_before_sync() { simulator::tensor_fence_before_sync(); }

__device__ __forceinline__ void tcgen05_fence_after_sync() { simulator::tensor_fence_after_sync(); }

enum class Major { Inner, Outer };

// PTX ISA 9.7.16.4.2; the engine decodes the fields anew.
__device__ __forceinline__ constexpr u32 tcgen05_instruction(ElementType element, int columns, Major a, Major b) {
    u32 type = element == ElementType::BFloat16;
    u32 transposed = (a == Major::Outer) | (b == Major::Outer) << 1;
    return 1 << 4 | type * 0b1001 << 7 | transposed << 15 | static_cast<u32>(columns) / 8 << 17 | 128 / 16 << 24;
}

// PTX ISA 9.7.16.4.1.
__device__ __forceinline__ constexpr u64 tcgen05_descriptor(u32 address, u32 leading_bytes, u32 stride_bytes) {
    auto encode = [](u32 x) { return static_cast<u64>((x & 0x3FFFF) >> 4); };
    return encode(address) | encode(leading_bytes) << 16 | encode(stride_bytes) << 32 | 1ull << 46 | 2ull << 61;
}

__device__ __forceinline__ constexpr u64 tcgen05_advance(u64 descriptor, u32 bytes) {
    u32 low = static_cast<u32>(descriptor) + (bytes >> 4);
    return (descriptor >> 32 << 32) | low;
}

__device__ __forceinline__ void tcgen05_multiply(u32 d, u64 a, u64 b, u32 instruction, bool accumulate) {
    simulator::tensor_multiply(d, a, b, instruction, accumulate);
}

__device__ __forceinline__ void tcgen05_multiply_tensor(u32 d, u32 a, u64 b, u32 instruction, bool accumulate) {
    simulator::tensor_multiply(d, a, b, instruction, accumulate);
}

__device__ __forceinline__ void tcgen05_commit(Mbarrier* barrier) { simulator::tensor_commit(barrier); }

__device__ __forceinline__ void tcgen05_wait_loads() { simulator::tensor_wait_loads(); }

__device__ __forceinline__ void tcgen05_wait_stores() { simulator::tensor_wait_stores(); }

template <int COUNT>
struct Tcgen05Columns {
    static_assert(COUNT == 8 || COUNT == 16 || COUNT == 32 || COUNT == 64 || COUNT == 128);

    __device__ __forceinline__ static void load(float* values, u32 address) {
        simulator::tensor_load(COUNT, values, address);
    }

    __device__ __forceinline__ static void store(u32 address, const float* values) {
        simulator::tensor_store(COUNT, address, values);
    }

    __device__ __forceinline__ static void store(u32 address, const u32* values) {
        simulator::tensor_store(COUNT, address, values);
    }
};
