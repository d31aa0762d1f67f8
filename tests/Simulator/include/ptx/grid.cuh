#pragma once
#include "types.cuh"

__device__ __forceinline__ void grid_wait() { simulator::grid_wait(); }

// What comes behind is not simulated.
__device__ __forceinline__ void grid_let_next_begin() {}
