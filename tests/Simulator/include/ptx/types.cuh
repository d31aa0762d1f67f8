#pragma once

using u8 = unsigned char;
using u32 = unsigned int;
using u64 = unsigned long long;

// Holds the engine's mark and a pointer to the SimulatorTensorMap.
struct alignas(64) TensorMap {
    u64 opaque[16];
};
