#pragma once

// Integer types of the instruction layer: the emitted text is whole, so no <cstdint>.
using u8 = unsigned char;
using u32 = unsigned int;
using u64 = unsigned long long;

// A tensor map as the driver encodes it (CUtensorMap): 128 opaque bytes, 64-byte aligned (PTX ISA 5.5.8).
struct alignas(64) TensorMap {
    u64 opaque[16];
};
