#pragma once
#include "../skip_softmax/declaration.cuh"
#include "shared.cuh"

__device__ __forceinline__ void wgmma_fence() { simulator::wgmma_fence(); }

__device__ __forceinline__ void wgmma_commit() { simulator::wgmma_commit(); }

template <int PENDING>
__device__ __forceinline__ void wgmma_wait() {
    simulator::wgmma_wait(PENDING);
}

// Nothing to hold: the arrays' addresses are known to the engine, so the compiler keeps them in memory.
template <int COUNT>
__device__ __forceinline__ void wgmma_hold(float (&)[COUNT]) {}

template <int COUNT>
__device__ __forceinline__ void wgmma_hold(u32 (&)[COUNT]) {}

// PTX ISA 9.7.15.5.1.2.2; the engine decodes the fields anew.
__device__ __forceinline__ u64 wgmma_descriptor(u32 address, u32 leading_bytes, u32 stride_bytes) {
    auto encode = [](u32 x) { return static_cast<u64>((x & 0x3FFFF) >> 4); };
    return encode(address) | encode(leading_bytes) << 16 | encode(stride_bytes) << 32 | 1ull << 62;
}

__device__ __forceinline__ u64 wgmma_descriptor_k_major(u32 address, u32 stride_bytes) {
    return wgmma_descriptor(address, 0, stride_bytes);
}

__device__ __forceinline__ u64 wgmma_advance(u64 descriptor, u32 bytes) {
    u32 low = static_cast<u32>(descriptor) + (bytes >> 4);
    return (descriptor >> 32 << 32) | low;
}

template <ElementType E, int N>
struct Wgmma {
    static_assert(N == 64 || N == 128 || N == 192 || N == 256);

    __device__ __forceinline__ static void shared_shared(float (&d)[N / 2], u64 a, u64 b, bool accumulate) {
        static_assert(N <= 128, "templates/ptx has no wider product of this kind");
        simulator::wgmma_shared_shared(E == ElementType::BFloat16, N, d, a, b, accumulate);
    }

    __device__ __forceinline__ static void register_shared(float (&d)[N / 2], const u32 (&a)[4], u64 b) {
        simulator::wgmma_register_shared(E == ElementType::BFloat16, N, d, a, b);
    }
};
