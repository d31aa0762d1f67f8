#pragma once
#include "../skip_softmax/declaration.cuh"
#include "shared.cuh"

__device__ __forceinline__ void ldmatrix_x4(u32 (&matrices)[4], u32 row_address) {
    simulator::load_matrices(false, matrices, row_address);
}

__device__ __forceinline__ void ldmatrix_x4_transposed(u32 (&matrices)[4], u32 row_address) {
    simulator::load_matrices(true, matrices, row_address);
}

template <ElementType E>
struct Mma {
    __device__ __forceinline__ static void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
        simulator::multiply_add(E == ElementType::BFloat16, d, a, b0, b1);
    }
};
