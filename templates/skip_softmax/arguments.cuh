#pragma once
#include "results.cuh"

// Launch arguments beside the tensor maps. The runtime fills the same structure (runtime/Launch/PrefillArguments.cs).
struct PrefillArguments {
    void* output;                   // [batch, query_length, query_heads, head_dim], by the strides below
    float* lse;                     // [batch, query_heads, query_length], natural log
    TileCounters* counters;         // [batch, query_heads], zero at launch
    u8* decisions;                  // [batch, query_heads, query_blocks, key_blocks], zero at launch
    const float* thresholds;        // λ of each sequence, for PerSequence
    const int* query_lengths;       // [batch], or null: all query_length
    const int* key_lengths;         // [batch], or null: all key_length
    u32* scheduler;                 // tickets for work tiles beyond the first wave: zero at launch and again at its end
    long long output_batch_stride;  // elements
    long long output_row_stride;
    long long output_head_stride;
    int batch;
    int query_length;  // extents of the tensors
    int key_length;
    int query_heads;
    int key_value_heads;
    int query_blocks;
    int key_blocks;
    int section_heads;     // (sequence, key/value head) pairs worked on together, so that their K and V stay in L2
    float scale_log2;      // scale of q·k, times log2 e
    float log2_threshold;  // log2 λ for Fixed, log2 threshold_scale_factor for ContextScaled and TargetSparsity; −∞
                           // skips nothing
};
