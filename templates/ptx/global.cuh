#pragma once
#include "types.cuh"

// Ors `bits` into a word of global memory; nobody waits for it. PTX ISA 9.7.13.6 (red).
__device__ __forceinline__ void global_or(u32* word, u32 bits) {
    asm volatile("red.relaxed.gpu.global.or.b32 [%0], %1;" ::"l"(word), "r"(bits) : "memory");
}
