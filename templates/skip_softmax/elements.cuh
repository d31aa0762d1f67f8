#pragma once
#include "../ptx/arithmetic.cuh"
#include "declaration.cuh"

// Two numbers rounded to the element type, `low` in the lower half.
template <ElementType E>
__device__ __forceinline__ u32 pack_elements(float low, float high) {
    if constexpr (E == ElementType::Float16) {
        return pack_float16(low, high);
    } else {
        return pack_bfloat16(low, high);
    }
}
