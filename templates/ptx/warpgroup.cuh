#pragma once
#include "types.cuh"

// A value that all threads of the warp hold alike, so that branches on it are known not to diverge.
__device__ __forceinline__ int warp_uniform(int value) { return __shfl_sync(0xFFFFFFFFu, value, 0); }

// threadIdx.x, read where it is called: in paths seldom taken, so that nothing worked out from it is kept in registers
// all the time.
__device__ __forceinline__ int thread_index_anew() {
    int index;
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(index));
    return index;
}

// The same value; what follows from it is worked out where it is used, not kept in registers over a loop.
__device__ __forceinline__ int worked_out_anew(int value) {
    asm volatile("" : "+r"(value));
    return value;
}

__device__ __forceinline__ u32 worked_out_anew(u32 value) {
    asm volatile("" : "+r"(value));
    return value;
}

// The same value, worked out where this is called and not where it is used.
__device__ __forceinline__ float worked_out_here(float value) {
    asm volatile("" : "+f"(value)::"memory");
    return value;
}

__device__ __forceinline__ u64 worked_out_here(u64 value) {
    asm volatile("" : "+l"(value)::"memory");
    return value;
}

// Whether `condition` holds for every thread of the warp.
__device__ __forceinline__ bool warp_all(bool condition) { return __all_sync(0xFFFFFFFFu, condition) != 0; }

// Whether `condition` holds for any thread of the warp.
__device__ __forceinline__ bool warp_any(bool condition) { return __any_sync(0xFFFFFFFFu, condition) != 0; }

// True in one lane of the warp, always the same one; for branches around what one thread issues. Every lane must call
// it. 9.7.13.14.
__device__ __forceinline__ bool elect_lane() {
    u32 elected;
    asm volatile(
        "{\n"
        ".reg .pred elected;\n"
        "elect.sync _|elected, 0xFFFFFFFF;\n"
        "selp.u32 %0, 1, 0, elected;\n"
        "}"
        : "=r"(elected));
    return elected != 0;
}

// Bitwise or over the warp; known to be uniform. PTX ISA 9.7.13.9 (redux.sync).
__device__ __forceinline__ u32 warp_or(u32 value) { return __reduce_or_sync(0xFFFFFFFFu, value); }

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

// named_barrier_sync that also says whether `condition` holds for any thread that takes part.
__device__ __forceinline__ bool named_barrier_any(int barrier, int threads, bool condition) {
    u32 any;
    asm volatile(
        "{\n"
        ".reg .pred condition, any;\n"
        "setp.ne.u32 condition, %3, 0;\n"
        "barrier.cta.red.or.pred any, %1, %2, condition;\n"
        "selp.u32 %0, 1, 0, any;\n"
        "}"
        : "=r"(any)
        : "r"(barrier), "r"(threads), "r"(static_cast<u32>(condition))
        : "memory");
    return any != 0;
}
