#pragma once
#include "types.cuh"

// Ors `bits` into a word of global memory; nobody waits for it. PTX ISA 9.7.13.6 (red).
__device__ __forceinline__ void global_or(u32* word, u32 bits) {
    asm volatile("red.relaxed.gpu.global.or.b32 [%0], %1;" ::"l"(word), "r"(bits) : "memory");
}

// Orders this thread's accesses of global memory, and what it knows of others' by barriers, before and after: a release
// ahead of an atomic operation, an acquire behind one. PTX ISA 8.8, 9.7.13.4.
__device__ __forceinline__ void fence_global() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

// Asks for the line of global memory that holds `address` to be brought to L2; nobody waits for it. PTX ISA 9.7.9.16.
__device__ __forceinline__ void global_prefetch(const void* address) {
    asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
}
