#pragma once
#include "types.cuh"

// Arithmetic that Blackwell has over Hopper: two float32 operations in one instruction, each rounded as one alone, and
// the maximum of three.
struct FloatPair {
    float low;
    float high;
};

// a + b. PTX ISA 9.7.3.3.
__device__ __forceinline__ FloatPair pair_add(FloatPair a, FloatPair b) {
    FloatPair sum;
    asm("{\n"
        ".reg .b64 a, b, d;\n"
        "mov.b64 a, {%2, %3};\n"
        "mov.b64 b, {%4, %5};\n"
        "add.rn.f32x2 d, a, b;\n"
        "mov.b64 {%0, %1}, d;\n"
        "}"
        : "=f"(sum.low), "=f"(sum.high)
        : "f"(a.low), "f"(a.high), "f"(b.low), "f"(b.high));
    return sum;
}

// a · b. PTX ISA 9.7.3.5.
__device__ __forceinline__ FloatPair pair_multiply(FloatPair a, FloatPair b) {
    FloatPair product;
    asm("{\n"
        ".reg .b64 a, b, d;\n"
        "mov.b64 a, {%2, %3};\n"
        "mov.b64 b, {%4, %5};\n"
        "mul.rn.f32x2 d, a, b;\n"
        "mov.b64 {%0, %1}, d;\n"
        "}"
        : "=f"(product.low), "=f"(product.high)
        : "f"(a.low), "f"(a.high), "f"(b.low), "f"(b.high));
    return product;
}

// a · b + c, rounded once. PTX ISA 9.7.3.6.
__device__ __forceinline__ FloatPair pair_multiply_add(FloatPair a, FloatPair b, FloatPair c) {
    FloatPair sum;
    asm("{\n"
        ".reg .b64 a, b, c, d;\n"
        "mov.b64 a, {%2, %3};\n"
        "mov.b64 b, {%4, %5};\n"
        "mov.b64 c, {%6, %7};\n"
        "fma.rn.f32x2 d, a, b, c;\n"
        "mov.b64 {%0, %1}, d;\n"
        "}"
        : "=f"(sum.low), "=f"(sum.high)
        : "f"(a.low), "f"(a.high), "f"(b.low), "f"(b.high), "f"(c.low), "f"(c.high));
    return sum;
}

// The largest of three; NaN where any is NaN. PTX ISA 9.7.3.12.
__device__ __forceinline__ float max3_with_nan(float a, float b, float c) {
    float largest;
    asm("max.NaN.f32 %0, %1, %2, %3;" : "=f"(largest) : "f"(a), "f"(b), "f"(c));
    return largest;
}
