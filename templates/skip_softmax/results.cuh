#pragma once
#include "../ptx/types.cuh"

// Tiles of one sequence and head.
struct TileCounters {
    u64 visited;
    u64 skipped;
};

enum Decision : u8 { NOT_VISITED = 0, KEPT = 1, SKIPPED = 2 };
