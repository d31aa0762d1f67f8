#pragma once
#include "../skip_softmax/declaration.cuh"
#include "shared.cuh"

// Products of one warp: D += A·B for 16 rows, 8 columns, 16 of the inner dimension, float32 accumulators. Fragments lie
// across the warp's lanes as in PTX ISA 9.7.14.5.8, m16n8k16: lane t holds, with q = t / 4 and c = 2·(t % 4), two
// elements a register, the lower index in the lower half,
// - d[2·i + j]: row q + 8·i, column c + j;
// - a[2·h + i]: row q + 8·i, columns c + 8·h and c + 8·h + 1;
// - b[h]: rows c + 8·h and c + 8·h + 1, column q.
// Every lane must call each function.

// Four 8 × 8 matrices of two-byte elements from shared memory: lane t gives the address of row t % 8 of matrix t / 8,
// 16 bytes, 16-byte aligned; lane t receives elements 2·(t % 4) and 2·(t % 4) + 1 of row t / 4 of each matrix. PTX ISA
// 9.7.14.5.15.
__device__ __forceinline__ void ldmatrix_x4(u32 (&matrices)[4], u32 row_address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared::cta.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
                 : "r"(row_address)
                 : "memory");
}

// The same with each matrix transposed: lane t receives elements t / 4 of rows 2·(t % 4) and 2·(t % 4) + 1.
__device__ __forceinline__ void ldmatrix_x4_transposed(u32 (&matrices)[4], u32 row_address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared::cta.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
                 : "r"(row_address)
                 : "memory");
}

// Products by element type of A and B. PTX ISA 9.7.14.5.14.
template <ElementType E>
struct Mma;

template <>
struct Mma<ElementType::Float16> {
    __device__ __forceinline__ static void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
            "{%0, %1, %2, %3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
};

template <>
struct Mma<ElementType::BFloat16> {
    __device__ __forceinline__ static void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
            "{%0, %1, %2, %3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
};
