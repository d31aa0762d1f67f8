#pragma once

__device__ __forceinline__ int ceiling_divide(int dividend, int divisor) { return (dividend + divisor - 1) / divisor; }

__device__ __forceinline__ int clamp_length(int length, int extent) { return min(max(length, 0), extent); }
