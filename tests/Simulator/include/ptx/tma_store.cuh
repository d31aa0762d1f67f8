#pragma once
#include "shared.cuh"

__device__ __forceinline__ void tma_store_5d(const TensorMap* map, const void* source, int c0, int c1, int c2, int c3,
                                             int c4) {
    simulator::tma_store(map, source, {c0, c1, c2, c3, c4});
}

__device__ __forceinline__ void tma_store_commit() { simulator::tma_store_commit(); }

template <int PENDING>
__device__ __forceinline__ void tma_store_wait_read() {
    simulator::tma_store_wait(PENDING);
}

template <int PENDING>
__device__ __forceinline__ void tma_store_wait() {
    simulator::tma_store_wait(PENDING);
}
