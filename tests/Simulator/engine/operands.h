// Operands of matrix products in shared memory, and the product itself: what wgmma and tcgen05.mma have in common.
#pragma once
#include <cstring>

#include "cta.h"

namespace simulator {

constexpr u32 DEPTH = 16;  // of one product, in 2-byte elements
constexpr u32 MOST_COLUMNS = 256;

// A matrix descriptor's fields, whose places in the descriptor differ between generations.
struct SharedOperand {
    u32 start;  // shared address
    u32 leading_bytes;
    u32 stride_bytes;
    u32 base_offset;
    u32 swizzle_bytes;  // 16: none

    // Swizzle<b, 4, 3> of 9.7.15.5.1.2.1.3 and 9.7.16.3.3: 16-byte units xored with the number of the 128 bytes they
    // lie in, counted from where the pattern starts (base offset 0: at a multiple of 1,024 bytes).
    u32 swizzled(u32 address) const {
        u32 mask = swizzle_bytes / 16 - 1;
        return address ^ ((((address >> 7) - base_offset) & mask) << 4);
    }

    // Where the 16 bytes (8 elements) lie that hold row `row` of the non-contiguous, and unit `unit` of the contiguous
    // dimension, by the canonical layouts of 9.7.15.5.1.2.1.3 and 9.7.16.3.3, which agree.
    // K-major: rows along M or N, units along K. Rows in groups of 8, SBO apart, each swizzle_bytes wide.
    u32 k_major(u32 row, u32 unit) const {
        if (swizzle_bytes == 16) {
            return start + row % 8 * 16 + row / 8 * stride_bytes + unit * leading_bytes;
        }
        return swizzled(start + row % 8 * swizzle_bytes + row / 8 * stride_bytes + unit * 16);
    }

    // MN-major: rows along K, units along M or N.
    u32 mn_major(u32 row, u32 unit) const {
        u32 width = swizzle_bytes / 16;
        if (swizzle_bytes == 16) {
            return start + row % 8 * 16 + row / 8 * leading_bytes + unit * stride_bytes;
        }
        return swizzled(start + row % 8 * swizzle_bytes + row / 8 * stride_bytes + unit % width * 16 +
                        unit / width * leading_bytes);
    }
};

// Calls visit(offset in shared memory, row of the non-contiguous dimension, unit of the contiguous one). `extent`: of M
// or N.
template <typename Visit>
void visit_units(const SharedOperand& operand, bool k_major, u32 extent, Visit visit) {
    u32 rows = k_major ? extent : DEPTH;
    u32 units = k_major ? DEPTH / 8 : extent / 8;
    for (u32 row = 0; row < rows; ++row) {
        for (u32 unit = 0; unit < units; ++unit) {
            u32 address = k_major ? operand.k_major(row, unit) : operand.mn_major(row, unit);
            visit(address - SHARED_WINDOW_BASE, row, unit);
        }
    }
}

inline void require_operand(const SharedOperand& d, bool k_major, u32 extent, const char* name) {
    if (k_major && d.swizzle_bytes != 16 && d.start % d.swizzle_bytes + DEPTH * 2 > d.swizzle_bytes) {
        fail(SIMULATOR_DESCRIPTOR, "%s starts at 0x%x: its 32 bytes of K cross the end of a swizzled row of %u bytes",
             name, d.start, d.swizzle_bytes);
    }
    visit_units(d, k_major, extent, [&](u32 offset, u32, u32) {
        if (offset + 16 > launch.description->shared_bytes) {
            fail(SIMULATOR_SHARED_MEMORY, "%s reads shared address 0x%x, outside of the CTA's %u bytes", name,
                 offset + SHARED_WINDOW_BASE, launch.description->shared_bytes);
        }
    });
}

// Calls store(index along M or N, index along K, value) for each element.
template <typename Store>
void load_operand(const SharedOperand& operand, bool k_major, u32 extent, bool bfloat16, Store store) {
    const u8* shared = shared_memory();
    visit_units(operand, k_major, extent, [&](u32 offset, u32 row, u32 unit) {
        u16 bits[8];
        std::memcpy(bits, shared + offset, 16);
        for (u32 e = 0; e < 8; ++e) {
            float value = element_value(bfloat16, bits[e]);
            k_major ? store(row, 8 * unit + e, value) : store(8 * unit + e, row, value);
        }
    });
}

// D += A·B, or D = A·B; D's rows lie `stride` apart. Products of 16-bit operands are exact in float32; they are added
// in order of k, each by one fused multiply-add. Hardware adds in an order and with a rounding of its own that no
// specification gives.
template <u32 BLOCK>
void multiply_block(const float (*a)[DEPTH], const float (*b)[MOST_COLUMNS], u32 row, u32 column, float* d) {
    float sums[BLOCK];
    std::memcpy(sums, d, sizeof sums);
    for (u32 k = 0; k < DEPTH; ++k) {
        for (u32 n = 0; n < BLOCK; ++n) {
            sums[n] = __builtin_fmaf(a[row][k], b[k][column + n], sums[n]);
        }
    }
    std::memcpy(d, sums, sizeof sums);
}

inline void multiply(const float (*a)[DEPTH], const float (*b)[MOST_COLUMNS], u32 rows, u32 columns, bool accumulate,
                     float* d, size_t stride) {
    for (u32 row = 0; row < rows; ++row, d += stride) {
        if (!accumulate) {
            std::fill_n(d, columns, 0.0f);
        }
        u32 column = 0;
        for (; column + 64 <= columns; column += 64) {
            multiply_block<64>(a, b, row, column, d + column);
        }
        for (; column < columns; column += 16) {
            multiply_block<16>(a, b, row, column, d + column);
        }
    }
}

}  // namespace simulator
