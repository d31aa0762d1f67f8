#pragma once
#include "../skip_softmax/declaration.cuh"

// What one variant of the SM100 prefill kernel is specialized by. These are defaults, for compiling the template as it
// stands; the generator replaces each value by the declaration's.

// Fixed by the declaration.
constexpr int HEAD_DIM = 128;
constexpr int QUERY_BLOCK = 64;  // query rows that decide together: 64 or 128
constexpr int KEY_BLOCK = 64;    // keys of one decision
constexpr ElementType ELEMENT = ElementType::BFloat16;
constexpr AttentionMask MASK = AttentionMask::Causal;
constexpr ThresholdMode THRESHOLD = ThresholdMode::Fixed;
constexpr TileOrder ORDER = TileOrder::Descending;
constexpr bool COUNT_TILES = true;
constexpr bool RECORD_DECISIONS = true;
constexpr bool RETURN_LSE = true;

// Chosen by variant selection.
constexpr int QUERY_TILE = 256;           // query rows of one work tile
constexpr int QUERY_BOX = 128;            // query rows of one product, of one warpgroup, and of one load
constexpr int KEY_TILE = 128;             // keys of one product tile: a multiple of KEY_BLOCK
constexpr int KEY_STAGES = 3;             // K tiles in flight
constexpr int VALUE_STAGES = 2;           // V tiles in flight
constexpr int TENSOR_COLUMNS = 512;       // of tensor memory, allocated
constexpr int SOFTMAX_REGISTERS = 184;    // a softmax thread's, after setmaxnreg
constexpr int CORRECTION_REGISTERS = 96;  // a correction thread's
constexpr int PRODUCER_REGISTERS = 48;    // of the threads that load and multiply
