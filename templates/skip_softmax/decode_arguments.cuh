#pragma once
#include "results.cuh"

// Launch arguments beside the tensor maps. The runtime fills the same structure (runtime/Launch/DecodeArguments.cs).
struct DecodeArguments {
    const void* query;             // [batch, query_length, query_heads, head_dim], by the strides below
    void* output;                  // the same
    float* lse;                    // [batch, query_heads, query_length], natural log
    TileCounters* counters;        // [batch, key_value_heads], zero at launch
    u8* decisions;                 // [batch, key_value_heads, key_blocks], zero at launch
    const float* thresholds;       // λ of each sequence, for PerSequence
    const int* query_lengths;      // [batch], or null: all query_length
    const int* key_lengths;        // [batch], or null: all key_length
    const int* block_table;        // [batch, table_width]: pages of each sequence; null where K and V are contiguous
    void* partials;                // 2 for each CTA, see combine.cuh
    u64* meetings;                 // 1 + 2 · meeting_words, see combine.cuh; both zero when they are new
    u32* status;                   // DecodeStatus bits are ored into it; may be null
    long long query_batch_stride;  // elements
    long long query_row_stride;
    long long query_head_stride;
    long long output_batch_stride;
    long long output_row_stride;
    long long output_head_stride;
    int batch;
    int query_length;  // extent of the tensor
    int key_length;    // tokens that a sequence has room for
    int query_heads;
    int key_value_heads;
    int key_blocks;
    int table_width;
    int pages;        // in the pool
    int head_pieces;  // a head is cut into, and a CTA works at, where all lengths are alike: see Partition
    int cta_pieces;
    int meeting_words;     // of a set: at least 2 for each CTA
    float scale_log2;      // scale of q·k, times log2 e
    float log2_threshold;  // log2 λ for Fixed, log2 threshold_scale_factor for ContextScaled and TargetSparsity; −∞
                           // skips nothing
};

// What is wrong with lengths or block tables in device memory. The runtime's DecodeStatus.
enum DecodeStatus : u32 { KEY_LENGTH_OUT_OF_RANGE = 1, PAGE_OUT_OF_RANGE = 2, QUERY_LENGTH_OUT_OF_RANGE = 4 };
