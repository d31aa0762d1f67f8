#pragma once
#include "../ptx/arithmetic.cuh"
#include "../ptx/exponent.cuh"

// 2^x on the FMA pipe, relative error below 3·10⁻⁶; 0 where x is −127 or less, infinite where it is 128 or more, or
// NaN.
__device__ __forceinline__ float exp2_by_polynomial(float x) {
    x = fminf(max_with_nan(x, -127.0f), 128.0f);
    float shifted = x + 0x1.8p23f;  // x to the next whole number, which its last bits are
    float f = x - (shifted - 0x1.8p23f);
    // The minimax polynomial of degree 4 for 2^f, −1/2 ≤ f ≤ 1/2, that is 1 at 0, so that 2^−127 comes out as 0.
    float mantissa = __fmaf_rn(0x1.3a02cep-7f, f, 0x1.c9fc48p-5f);
    mantissa = __fmaf_rn(mantissa, f, 0x1.ec0378p-3f);
    mantissa = __fmaf_rn(mantissa, f, 0x1.62e12cp-1f);
    mantissa = __fmaf_rn(mantissa, f, 1.0f);
    return with_exponent(mantissa, __builtin_bit_cast(u32, shifted));
}
