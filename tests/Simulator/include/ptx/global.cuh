#pragma once
#include "types.cuh"

__device__ __forceinline__ void global_or(u32* word, u32 bits) { simulator::global_or(word, bits); }

struct alignas(16) FlaggedFloats {
    u64 words[2];
};

__device__ __forceinline__ void store_flagged(FlaggedFloats* destination, float first, float second, u32 flag) {
    u64 upper = static_cast<u64>(flag) << 32;
    simulator::global_store(destination, upper | __builtin_bit_cast(u32, first),
                            upper | __builtin_bit_cast(u32, second));
}

__device__ __forceinline__ void load_flagged(const FlaggedFloats* source, float& first, float& second,
                                             u32 (&flags)[2]) {
    u64 words[2];
    simulator::global_load(source, words);
    first = __builtin_bit_cast(float, static_cast<u32>(words[0]));
    second = __builtin_bit_cast(float, static_cast<u32>(words[1]));
    flags[0] = static_cast<u32>(words[0] >> 32);
    flags[1] = static_cast<u32>(words[1] >> 32);
}

__device__ __forceinline__ void pause() { simulator::pause(); }

// Nothing that a kernel computes depends on it.
__device__ __forceinline__ void global_prefetch(const void* address) {}
