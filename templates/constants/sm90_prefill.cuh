#pragma once
#include "../skip_softmax/declaration.cuh"

// What one variant of the SM90 prefill kernel is specialized by. These are defaults, for compiling the template as it
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
constexpr int QUERY_TILE = 192;          // query rows of one work tile
constexpr int QUERY_BOX = 64;            // query rows of one warpgroup, and of one load
constexpr int KEY_TILE = 128;            // keys of one product tile: a multiple of KEY_BLOCK
constexpr int KEY_STAGES = 2;            // K tiles in flight
constexpr int VALUE_STAGES = 3;          // V tiles in flight
constexpr int WEIGHT_STEPS = 0;          // a step's P·V is made this many steps later: 0 or 1
constexpr int CONSUMER_REGISTERS = 160;  // a consumer thread's, after setmaxnreg
constexpr int PRODUCER_REGISTERS = 32;   // a producer thread's
