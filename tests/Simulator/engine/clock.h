// Vector clocks: what a thread knows to have happened before it.
#pragma once
#include <algorithm>
#include <cstdint>

namespace simulator {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;

constexpr u32 MAX_THREADS = 512;
constexpr u32 MAX_WARPS = MAX_THREADS / 32;
constexpr u32 MAX_MBARRIERS = 96;

// Agents act: the threads; the copies that complete on each mbarrier, whose time is the number of completed phases; and
// the products of each warp, whose time is the number of completed groups.
constexpr u32 COPY_AGENTS = MAX_THREADS;
constexpr u32 PRODUCT_AGENTS = COPY_AGENTS + MAX_MBARRIERS;
constexpr u32 AGENTS = PRODUCT_AGENTS + MAX_WARPS;
constexpr u16 NOBODY = 0xFFFF;

struct alignas(64) Clock {
    u32 at[AGENTS];

    void reset() { std::fill_n(at, AGENTS, 0u); }

    void join(const Clock& other) {
        for (u32 i = 0; i < AGENTS; ++i) {
            at[i] = std::max(at[i], other.at[i]);
        }
    }

    void meet(const Clock& other) {
        for (u32 i = 0; i < AGENTS; ++i) {
            at[i] = std::min(at[i], other.at[i]);
        }
    }
};

// What is known at all, and the part of it that a proxy fence has since ordered before asynchronous accesses: a generic
// write w is visible to the async proxy where w → fence.proxy.async → access along the order (PTX ISA 9.7.13.4).
struct Knowledge {
    Clock happened;
    Clock fenced;

    void reset() {
        happened.reset();
        fenced.reset();
    }

    void join(const Knowledge& other) {
        happened.join(other.happened);
        fenced.join(other.fenced);
    }

    void meet(const Knowledge& other) {
        happened.meet(other.happened);
        fenced.meet(other.fenced);
    }
};

}  // namespace simulator
