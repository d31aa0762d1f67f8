#pragma once
#include "mbarrier.cuh"

__device__ __forceinline__ void tma_prefetch_map(const TensorMap* map) { simulator::tma_prefetch(map); }

__device__ __forceinline__ void tma_load_5d(void* destination, const TensorMap* map, Mbarrier* barrier, int c0, int c1,
                                            int c2, int c3, int c4) {
    simulator::tma_load(destination, map, barrier, {c0, c1, c2, c3, c4});
}

// What makes room for what in L2 changes no result.
__device__ __forceinline__ void tma_load_5d_once(void* destination, const TensorMap* map, Mbarrier* barrier, int c0,
                                                 int c1, int c2, int c3, int c4) {
    tma_load_5d(destination, map, barrier, c0, c1, c2, c3, c4);
}
