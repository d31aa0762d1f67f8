#pragma once
#include "types.cuh"

// Ors `bits` into a word of global memory; nobody waits for it. PTX ISA 9.7.13.6 (red).
__device__ __forceinline__ void global_or(u32* word, u32 bits) {
    asm volatile("red.relaxed.gpu.global.or.b32 [%0], %1;" ::"l"(word), "r"(bits) : "memory");
}

// Asks for the line of global memory that holds `address` to be brought to L2; nobody waits for it. PTX ISA 9.7.9.16.
__device__ __forceinline__ void global_prefetch(const void* address) {
    asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
}
