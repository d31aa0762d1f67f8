#pragma once
#include "../skip_softmax/declaration.cuh"

// What one variant of a decode kernel is specialized by. These are defaults, for compiling the template as it
// stands; the generator replaces each value by the declaration's.

// Fixed by the declaration.
constexpr int HEAD_DIM = 128;
constexpr int KEY_BLOCK = 64;  // keys of one decision, and of one tile
constexpr int PAGE_SIZE = 0;   // tokens of a page; 0: K and V are contiguous
constexpr ElementType ELEMENT = ElementType::BFloat16;
constexpr AttentionMask MASK = AttentionMask::Causal;  // of the query tokens among themselves
constexpr ThresholdMode THRESHOLD = ThresholdMode::Fixed;
constexpr bool COUNT_TILES = true;
constexpr bool RECORD_DECISIONS = true;
constexpr bool RETURN_LSE = true;

// Chosen by variant selection.
constexpr int ROWS = 16;   // room for query rows that share a key/value head: query heads of the group × query tokens
constexpr int TEAMS = 4;   // that work on different tiles; a team has a warp for every 16 rows
constexpr int STAGES = 3;  // K or V tiles of one team, in flight or in use
constexpr bool QUERY_IN_SHARED = false;  // Q's fragments live in shared memory, not in registers
