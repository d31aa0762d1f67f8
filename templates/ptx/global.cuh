#pragma once
#include "types.cuh"

// Ors `bits` into a word of global memory; nobody waits for it. PTX ISA 9.7.13.6 (red).
__device__ __forceinline__ void global_or(u32* word, u32 bits) {
    asm volatile("red.relaxed.gpu.global.or.b32 [%0], %1;" ::"l"(word), "r"(bits) : "memory");
}

// Two numbers in words that say for what they were written: each word is written and read as a whole, so that who finds
// the flag in it has the number.
struct alignas(16) FlaggedFloats {
    u64 words[2];  // upper half: the flag
};

// Seen by others in time, in no order. PTX ISA 9.7.9.12; 8.5: relaxed accesses of 64 bits are performed as a whole.
__device__ __forceinline__ void store_flagged(FlaggedFloats* destination, float first, float second, u32 flag) {
    asm volatile(
        "{\n"
        ".reg .b64 first, second;\n"
        "mov.b64 first, {%1, %3};\n"
        "mov.b64 second, {%2, %3};\n"
        "st.relaxed.gpu.global.v2.b64 [%0], {first, second};\n"
        "}" ::"l"(destination),
        "f"(first), "f"(second), "r"(flag)
        : "memory");
}

// Both numbers and their flags, as others have written them, not as a cache has them. PTX ISA 9.7.9.8.
__device__ __forceinline__ void load_flagged(const FlaggedFloats* source, float& first, float& second,
                                             u32 (&flags)[2]) {
    asm volatile(
        "{\n"
        ".reg .b64 first, second;\n"
        "ld.relaxed.gpu.global.v2.b64 {first, second}, [%4];\n"
        "mov.b64 {%0, %2}, first;\n"
        "mov.b64 {%1, %3}, second;\n"
        "}"
        : "=f"(first), "=f"(second), "=r"(flags[0]), "=r"(flags[1])
        : "l"(source)
        : "memory");
}

// Gives others about a quarter of a microsecond, before looking again.
__device__ __forceinline__ void pause() { asm volatile("nanosleep.u32 200;" ::: "memory"); }

// Asks for the line of global memory that holds `address` to be brought to L2; nobody waits for it. PTX ISA 9.7.9.16.
__device__ __forceinline__ void global_prefetch(const void* address) {
    asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
}
