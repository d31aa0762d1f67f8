#pragma once
#include "shared.cuh"

struct alignas(8) Mbarrier {
    u64 state;
};

__device__ __forceinline__ void mbarrier_init(Mbarrier* barrier, u32 arrivals) {
    simulator::mbarrier_init(barrier, arrivals);
}

__device__ __forceinline__ void mbarrier_init_fence() { fence_proxy_async_shared(); }

__device__ __forceinline__ void mbarrier_arrive(Mbarrier* barrier) { simulator::mbarrier_arrive(barrier, 0); }

__device__ __forceinline__ void mbarrier_arrive_if(bool condition, Mbarrier* barrier) {
    if (condition) {
        mbarrier_arrive(barrier);
    }
}

__device__ __forceinline__ void mbarrier_arrive_expect_bytes(Mbarrier* barrier, u32 bytes) {
    simulator::mbarrier_arrive(barrier, bytes);
}

__device__ __forceinline__ bool mbarrier_test(Mbarrier* barrier, u32 parity) {
    return simulator::mbarrier_test(barrier, parity);
}

__device__ __forceinline__ void mbarrier_wait(Mbarrier* barrier, u32 parity) {
    simulator::mbarrier_wait(barrier, parity);
}

// Both have completed at some moment, and completed phases stay so until the waiter goes on.
__device__ __forceinline__ void mbarrier_wait_both(Mbarrier* first, u32 first_parity, Mbarrier* second,
                                                   u32 second_parity) {
    mbarrier_wait(first, first_parity);
    mbarrier_wait(second, second_parity);
}
