// Matrix products of one warp and the loads that feed them (PTX ISA 9.7.14.5): synchronous, so they take place when the
// last lane has come.
#include <cmath>
#include <cstring>

#include "../include/instructions.h"
#include "cta.h"

namespace simulator {

namespace {

constexpr u32 ROWS = 16;
constexpr u32 COLUMNS = 8;
constexpr u32 DEPTH = 16;

// Fragments of m16n8k16 (9.7.14.5.8): the place of element e of a lane's registers, two elements a register.
struct Place {
    u32 row;
    u32 column;
};

Place place_of_a(u32 lane, u32 e) { return {lane / 4 + e / 2 % 2 * 8, lane % 4 * 2 + e % 2 + e / 4 * 8}; }
Place place_of_b(u32 lane, u32 e) { return {lane % 4 * 2 + e % 2 + e / 2 * 8, lane / 4}; }
Place place_of_d(u32 lane, u32 i) { return {lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2}; }

// 9.7.14.5.15: lane 8·m + r names row r of matrix m.
void load(Thread* lanes, bool transposed) {
    u16 elements[4][8][8];
    for (u32 lane = 0; lane < 32; ++lane) {
        u32 address = lanes[lane].operand;
        if (address % 16 != 0) {
            fail(SIMULATOR_SHARED_MEMORY, "ldmatrix: lane %u's row at 0x%x is not aligned to 16 bytes", lane, address);
        }
        u32 offset = address - SHARED_WINDOW_BASE;
        if (offset >= SHARED_LIMIT || offset + 16 > launch.description->shared_bytes) {
            fail(SIMULATOR_SHARED_MEMORY, "ldmatrix: lane %u's row at 0x%x lies outside of the CTA's %u bytes", lane,
                 address, launch.description->shared_bytes);
        }
        generic_read(lanes[lane], offset, 16);
        std::memcpy(elements[lane / 8][lane % 8], shared_memory() + offset, 16);
    }
    for (u32 lane = 0; lane < 32; ++lane) {
        auto* result = static_cast<u32*>(lanes[lane].pointers[0]);
        for (u32 matrix = 0; matrix < 4; ++matrix) {
            const auto& m = elements[matrix];
            u32 q = lane / 4;
            u32 c = lane % 4 * 2;
            result[matrix] = transposed ? m[c][q] | static_cast<u32>(m[c + 1][q]) << 16
                                        : m[q][c] | static_cast<u32>(m[q][c + 1]) << 16;
        }
    }
}

void multiply(Thread* lanes, bool bfloat16) {
    float a[ROWS][DEPTH];
    float b[DEPTH][COLUMNS];
    for (u32 lane = 0; lane < 32; ++lane) {
        auto* registers = static_cast<const u32*>(lanes[lane].pointers[1]);
        for (u32 e = 0; e < 8; ++e) {
            Place place = place_of_a(lane, e);
            a[place.row][place.column] = element_value(bfloat16, registers[e / 2] >> 16 * (e % 2) & 0xFFFF);
        }
        for (u32 e = 0; e < 4; ++e) {
            Place place = place_of_b(lane, e);
            b[place.row][place.column] =
                element_value(bfloat16, static_cast<u32>(lanes[lane].operands[e / 2]) >> 16 * (e % 2) & 0xFFFF);
        }
    }
    for (u32 lane = 0; lane < 32; ++lane) {
        auto* d = static_cast<float*>(lanes[lane].pointers[0]);
        for (u32 i = 0; i < 4; ++i) {
            Place place = place_of_d(lane, i);
            float sum = d[i];
            for (u32 k = 0; k < DEPTH; ++k) {
                sum = std::fma(a[place.row][k], b[k][place.column], sum);
            }
            d[i] = sum;
        }
    }
    current_cta->flops += 2ull * ROWS * COLUMNS * DEPTH;
}

}  // namespace

void finish_matrix_collective(Cta& cta, u32 warp, Collective kind) {
    Thread* lanes = &cta.threads[warp * 32];
    switch (kind) {
        case Collective::LoadMatrix:
        case Collective::LoadMatrixTransposed:
            ++counters().matrix_loads;
            load(lanes, kind == Collective::LoadMatrixTransposed);
            break;
        default:
            ++counters().warp_products;
            multiply(lanes, kind == Collective::MultiplyBFloat16);
    }
}

void load_matrices(bool transposed, Word* matrices, Word row_address) {
    Thread& thread = enter(__builtin_return_address(0));
    thread.operand = row_address;
    thread.pointers[0] = matrices;
    gather_warp(thread, transposed ? Collective::LoadMatrixTransposed : Collective::LoadMatrix);
}

void multiply_add(bool bfloat16, float* d, const Word* a, Word b0, Word b1) {
    Thread& thread = enter(__builtin_return_address(0));
    thread.pointers[0] = d;
    thread.pointers[1] = const_cast<Word*>(a);
    thread.operands[0] = b0;
    thread.operands[1] = b1;
    gather_warp(thread, bfloat16 ? Collective::MultiplyBFloat16 : Collective::MultiplyFloat16);
}

}  // namespace simulator
