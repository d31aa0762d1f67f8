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
// what reads shared memory asynchronously: the products of each warp, whose time is the number of completed groups
// (wgmma) or products (tcgen05).
constexpr u32 COPY_AGENTS = MAX_THREADS;
constexpr u32 PRODUCT_AGENTS = COPY_AGENTS + MAX_MBARRIERS;
constexpr u32 AGENTS = PRODUCT_AGENTS + MAX_WARPS;
constexpr u16 NOBODY = 0xFFFF;

// Accesses of tensor memory: by the loads, the stores and the products of each warp, in order of issue.
constexpr u32 TENSOR_LOADS = 0;
constexpr u32 TENSOR_STORES = MAX_WARPS;
constexpr u32 TENSOR_PRODUCTS = 2 * MAX_WARPS;
constexpr u32 TENSOR_AGENTS = 3 * MAX_WARPS;

template <u32 COUNT>
struct alignas(64) Times {
    u32 at[COUNT];

    void reset() { std::fill_n(at, COUNT, 0u); }

    void join(const Times& other) {
        for (u32 i = 0; i < COUNT; ++i) {
            at[i] = std::max(at[i], other.at[i]);
        }
    }

    void meet(const Times& other) {
        for (u32 i = 0; i < COUNT; ++i) {
            at[i] = std::min(at[i], other.at[i]);
        }
    }
};

using Clock = Times<AGENTS>;
using TensorClock = Times<TENSOR_AGENTS>;
using PhaseClock = Times<MAX_MBARRIERS>;  // completed phases

// What is known at all, and the part of it that a proxy fence has since ordered before asynchronous accesses: a generic
// write w is visible to the async proxy where w → fence.proxy.async → access along the order (PTX ISA 9.7.13.4). And
// the accesses of tensor memory that tcgen05.fence::before_thread_sync has ordered before what followed: they come
// before a thread's own ones where a fence::after_thread_sync lies in between (9.7.16.6.3); a thread's are those that
// it has released itself.
struct Knowledge {
    Clock happened;
    Clock fenced;
    TensorClock tensor;
    PhaseClock phases;

    void reset() {
        happened.reset();
        fenced.reset();
        tensor.reset();
        phases.reset();
    }

    void join(const Knowledge& other) {
        happened.join(other.happened);
        fenced.join(other.fenced);
        tensor.join(other.tensor);
        phases.join(other.phases);
    }

    void meet(const Knowledge& other) {
        happened.meet(other.happened);
        fenced.meet(other.fenced);
        tensor.meet(other.tensor);
        phases.meet(other.phases);
    }
};

}  // namespace simulator
