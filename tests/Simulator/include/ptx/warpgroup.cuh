#pragma once
#include "types.cuh"

__device__ __forceinline__ int warp_uniform(int value) { return __shfl_sync(0xFFFFFFFFu, value, 0); }

__device__ __forceinline__ int thread_index_anew() { return static_cast<int>(threadIdx.x); }

__device__ __forceinline__ int worked_out_anew(int value) { return value; }

__device__ __forceinline__ u32 worked_out_anew(u32 value) { return value; }

__device__ __forceinline__ float worked_out_here(float value) { return value; }

__device__ __forceinline__ u64 worked_out_here(u64 value) { return value; }

__device__ __forceinline__ bool warp_all(bool condition) { return __all_sync(0xFFFFFFFFu, condition) != 0; }

__device__ __forceinline__ bool warp_any(bool condition) { return __any_sync(0xFFFFFFFFu, condition) != 0; }

__device__ __forceinline__ bool elect_lane() { return simulator::elect_lane(); }

__device__ __forceinline__ u32 warp_or(u32 value) { return __reduce_or_sync(0xFFFFFFFFu, value); }

template <int COUNT>
__device__ __forceinline__ void release_registers() {
    simulator::release_registers(COUNT);
}

template <int COUNT>
__device__ __forceinline__ void claim_registers() {
    simulator::claim_registers(COUNT);
}

__device__ __forceinline__ void named_barrier_sync(int barrier, int threads) {
    simulator::named_barrier(barrier, threads, true);
}

__device__ __forceinline__ void named_barrier_arrive(int barrier, int threads) {
    simulator::named_barrier(barrier, threads, false);
}

__device__ __forceinline__ bool named_barrier_any(int barrier, int threads, bool condition) {
    return simulator::named_barrier_any(barrier, threads, condition);
}
