// Tensor memory (PTX ISA 9.7.16.1): an address holds a lane in its upper and a column in its lower half.
#pragma once
#include "cta.h"

namespace simulator {

constexpr u32 TENSOR_LANES = 128;
constexpr u32 TENSOR_COLUMNS = 512;
constexpr u32 QUARTERS = 4;  // of 32 lanes, each for the warps of one place in their warpgroup

inline u32 tensor_lane(u32 address) { return address >> 16; }
inline u32 tensor_column(u32 address) { return address & 0xFFFF; }

inline TensorCell& tensor_cell(u32 quarter, u32 column) {
    return current_cta->tensor.cells[quarter * TENSOR_COLUMNS + column];
}

inline float* tensor_row(u32 lane, u32 column) { return &current_cta->tensor.values[lane * TENSOR_COLUMNS + column]; }

// All columns must belong to one allocation.
void require_allocated(u32 address, u32 columns, const char* action);
// What was written to the cell must come before the access: `known` says what does.
void require_written_before(const TensorClock& known, u32 quarter, u32 column, const char* action);
// So must all that reads it, for an access that writes.
void require_read_before(const TensorClock& known, u32 quarter, u32 column, const char* action);
// An access that reads needs contents.
void require_contents(u32 quarter, u32 column, const char* action);

}  // namespace simulator
