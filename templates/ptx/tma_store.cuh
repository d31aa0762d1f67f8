#pragma once
#include "shared.cuh"

// Copies one box of a five-dimensional tensor from shared memory, coordinates innermost first; what lies out of bounds
// is not written. Asynchronous, and reads through the async proxy: what the generic proxy wrote must be followed by
// fence_proxy_async_shared() in the threads that wrote and a barrier. One thread, which also commits and waits. PTX ISA
// 9.7.9.25.5.2.
__device__ __forceinline__ void tma_store_5d(const TensorMap* map, const void* source, int c0, int c1, int c2, int c3,
                                             int c4) {
    asm volatile(
        "cp.async.bulk.tensor.5d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5, %6}], [%1];" ::"l"(map),
        "r"(shared_address(source)), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
        : "memory");
}

// Closes the group of this thread's stores since the last one. PTX ISA 9.7.9.25.6.1.
__device__ __forceinline__ void tma_store_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }

// Blocks until at most PENDING of this thread's latest groups have not yet read all of their sources, which may then be
// overwritten. PTX ISA 9.7.9.25.6.2.
template <int PENDING>
__device__ __forceinline__ void tma_store_wait_read() {
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(PENDING) : "memory");
}

// Blocks until at most PENDING of this thread's latest groups are incomplete. Their sources are the CTA's: none may end
// while stores read them.
template <int PENDING>
__device__ __forceinline__ void tma_store_wait() {
    asm volatile("cp.async.bulk.wait_group %0;" ::"n"(PENDING) : "memory");
}
