// The part of CUDA C++ that the kernels use beside the instruction layer, for a host compiler.
#pragma once
#include <math.h>

#include <bit>

#include "instructions.h"

#define __global__
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __shared__
#define __align__(bytes) __attribute__((aligned(bytes)))

#define threadIdx (simulator::thread_index())
#define blockIdx (simulator::block_index())
#define blockDim (simulator::block_dimensions())
#define gridDim (simulator::grid_dimensions())

inline int min(int a, int b) { return a < b ? a : b; }

inline int max(int a, int b) { return a > b ? a : b; }

inline float __fmul_rn(float a, float b) { return a * b; }

inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

inline int __clz(int value) { return __builtin_clz(static_cast<unsigned int>(value)); }

inline int __clzll(long long value) { return __builtin_clzll(static_cast<unsigned long long>(value)); }

inline int __popc(unsigned int value) { return __builtin_popcount(value); }

__forceinline__ void __syncthreads() { simulator::synchronize_threads(); }

__forceinline__ void __syncwarp(unsigned int mask = 0xFFFFFFFFu) { simulator::synchronize_warp(mask); }

template <typename T>
__forceinline__ T __shfl_sync(unsigned int mask, T value, int source) {
    return std::bit_cast<T>(simulator::shuffle(mask, std::bit_cast<unsigned int>(value), source));
}

template <typename T>
__forceinline__ T __shfl_xor_sync(unsigned int mask, T value, int distance) {
    return std::bit_cast<T>(simulator::shuffle_xor(mask, std::bit_cast<unsigned int>(value), distance));
}

template <typename T>
__forceinline__ T __shfl_up_sync(unsigned int mask, T value, unsigned int distance) {
    return std::bit_cast<T>(simulator::shuffle_up(mask, std::bit_cast<unsigned int>(value), distance));
}

__forceinline__ int __all_sync(unsigned int mask, int condition) { return simulator::vote_all(mask, condition != 0); }

__forceinline__ int __any_sync(unsigned int mask, int condition) { return simulator::vote_any(mask, condition != 0); }

__forceinline__ unsigned int __reduce_or_sync(unsigned int mask, unsigned int value) {
    return simulator::reduce_or(mask, value);
}

__forceinline__ unsigned int atomicAdd(unsigned int* address, unsigned int value) {
    return simulator::atomic_add(address, value);
}

__forceinline__ unsigned long long atomicAdd(unsigned long long* address, unsigned long long value) {
    return simulator::atomic_add(address, value);
}

__forceinline__ unsigned long __cvta_generic_to_shared(const void* object) { return simulator::shared_address(object); }
