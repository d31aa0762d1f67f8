#pragma once
#include "mbarrier.cuh"

// Fetches a tensor map into the descriptor cache ahead of its first use. PTX ISA 9.7.9.15.
__device__ __forceinline__ void tma_prefetch_map(const TensorMap* map) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

// Copies one box of a five-dimensional tensor to shared memory, coordinates innermost first; out-of-bounds elements
// arrive as zeros and count as bytes. Asynchronous: the bytes are visible to whoever waits for the phase of `barrier`
// current at issue, which must have been told to expect them; nobody may touch the destination before. One thread. PTX
// ISA 9.7.9.25.5.2.
__device__ __forceinline__ void tma_load_5d(void* destination, const TensorMap* map, Mbarrier* barrier, int c0, int c1,
                                            int c2, int c3, int c4) {
    asm volatile(
        "cp.async.bulk.tensor.5d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6, "
        "%7}], [%2];" ::"r"(shared_address(destination)),
        "l"(map), "r"(shared_address(barrier)), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
        : "memory");
}

// The same for what is read once: in L2 it makes room for others' first. PTX ISA 9.7.9.17 (createpolicy).
__device__ __forceinline__ void tma_load_5d_once(void* destination, const TensorMap* map, Mbarrier* barrier, int c0,
                                                 int c1, int c2, int c3, int c4) {
    asm volatile(
        "{\n"
        ".reg .b64 policy;\n"
        "createpolicy.fractional.L2::evict_first.b64 policy, 1.0;\n"
        "cp.async.bulk.tensor.5d.shared::cta.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1, {%3, "
        "%4, %5, %6, %7}], [%2], policy;\n"
        "}" ::"r"(shared_address(destination)),
        "l"(map), "r"(shared_address(barrier)), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
        : "memory");
}
