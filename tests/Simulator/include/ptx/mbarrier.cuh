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

__device__ __forceinline__ void mbarrier_arrive_expect_bytes(Mbarrier* barrier, u32 bytes) {
    simulator::mbarrier_arrive(barrier, bytes);
}

__device__ __forceinline__ bool mbarrier_test(Mbarrier* barrier, u32 parity) {
    return simulator::mbarrier_test(barrier, parity);
}

__device__ __forceinline__ void mbarrier_wait(Mbarrier* barrier, u32 parity) {
    simulator::mbarrier_wait(barrier, parity);
}
