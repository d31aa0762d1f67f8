// The shadow of a thread's stack, where its registers live: for each word the number of wgmma.fence the thread had
// executed at its last access, plus one, and whether a product or a load in flight uses it.
#pragma once
#include "cta.h"

namespace simulator {

constexpr u32 ACCUMULATOR_IN_FLIGHT = 0x80000000;
constexpr u32 FRAGMENT_IN_FLIGHT = 0x40000000;
constexpr u32 LOAD_IN_FLIGHT = 0x20000000;
constexpr u32 FENCE_COUNT = 0x1FFFFFFF;

inline u32* shadow_of(Thread& thread, const void* address) {
    size_t offset = static_cast<const u8*>(address) - thread.stack;
    return offset < STACK_BYTES ? thread.stack_shadow + offset / 4 : nullptr;
}

inline void lock(Thread& thread, const void* registers, u32 count, u32 flag) {
    u32* shadow = shadow_of(thread, registers);
    for (u32 i = 0; i < count; ++i) {
        shadow[i] |= flag;
    }
}

inline void unlock(Thread& thread, const void* registers, u32 count, u32 flag) {
    u32* shadow = shadow_of(thread, registers);
    for (u32 i = 0; i < count; ++i) {
        shadow[i] &= ~flag;
    }
}

}  // namespace simulator
