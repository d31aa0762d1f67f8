#pragma once
#include "types.cuh"

__device__ __forceinline__ void global_or(u32* word, u32 bits) { simulator::global_or(word, bits); }

__device__ __forceinline__ void fence_global() { simulator::fence_global(); }

// Nothing that a kernel computes depends on it.
__device__ __forceinline__ void global_prefetch(const void* address) {}
