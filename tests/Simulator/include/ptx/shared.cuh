#pragma once
#include "types.cuh"

__device__ __forceinline__ u32 shared_address(const void* object) {
    return static_cast<u32>(__cvta_generic_to_shared(object));
}

__device__ __forceinline__ void fence_proxy_async_shared() { simulator::fence_proxy_async_shared(); }
