#pragma once
#include "types.cuh"

// A value that all threads of the warp hold alike, so that branches on it are known not to diverge.
__device__ __forceinline__ int warp_uniform(int value) { return __shfl_sync(0xFFFFFFFFu, value, 0); }

// Gives registers of this warpgroup back until each thread keeps COUNT. Every warp of the warpgroup must call it. PTX
// ISA 9.7.19.5.
template <int COUNT>
__device__ __forceinline__ void release_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT));
}

// Waits until each thread of this warpgroup can have COUNT registers. Every warp of the warpgroup must call it.
template <int COUNT>
__device__ __forceinline__ void claim_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT));
}

// Named barriers 0…15 (PTX ISA 9.7.13.1): `threads` threads take part, a multiple of 32. Writes to shared memory before
// it are visible after it.
__device__ __forceinline__ void named_barrier_sync(int barrier, int threads) {
    asm volatile("barrier.cta.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

// Takes part in a named barrier without waiting for it.
__device__ __forceinline__ void named_barrier_arrive(int barrier, int threads) {
    asm volatile("barrier.cta.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

// Waits for all taking part and returns, to each of them, whether `agrees` held for all.
__device__ __forceinline__ bool named_barrier_all(int barrier, int threads, bool agrees) {
    u32 all;
    asm volatile(
        "{\n"
        ".reg .pred mine, all;\n"
        "setp.ne.u32 mine, %1, 0;\n"
        "barrier.cta.red.and.pred all, %2, %3, mine;\n"
        "selp.u32 %0, 1, 0, all;\n"
        "}"
        : "=r"(all)
        : "r"(static_cast<u32>(agrees)), "r"(barrier), "r"(threads)
        : "memory");
    return all != 0;
}
