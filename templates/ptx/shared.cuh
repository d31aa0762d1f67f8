#pragma once
#include "types.cuh"

// Address of an object in the CTA's shared memory as instructions take it (PTX ISA 5.1.7: window .shared::cta).
__device__ __forceinline__ u32 shared_address(const void* object) {
    return static_cast<u32>(__cvta_generic_to_shared(object));
}

// Orders this thread's earlier accesses to shared memory through the generic proxy before later accesses through the
// async proxy (TMA, wgmma operands) that are ordered after this thread by a barrier. PTX ISA 9.7.13.4.
__device__ __forceinline__ void fence_proxy_async_shared() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
