// Random attention problems for the simulated prefill kernel, and what their answer is in double precision.
#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "library.h"

namespace self_test {

struct Shape {
    int batch, query_heads, key_value_heads, query_length, key_length;
    bool ragged;
};

struct Schedule {
    uint32_t order = SIMULATOR_ORDER_FAIR;
    uint32_t completion = SIMULATOR_COMPLETION_EARLIEST;
    uint32_t starved_warpgroup = 0;
    uint32_t resident_ctas = 1;
    uint64_t seed = 1;
};

class Attention {
  public:
    // λ: of threshold mode Fixed. Elements past a sequence's end are NaN.
    Attention(const Variant& variant, const Shape& shape, float lambda, uint64_t seed);

    // Runs and compares; returns what is wrong, or nothing.
    std::string check(const Library& library, const Schedule& schedule, uint32_t grid);

    SimulatorReport report;
    std::vector<uint64_t> cta_flops;
    std::vector<uint16_t> output;
    uint64_t visited = 0;
    uint64_t skipped = 0;

  private:
    std::string run(const Library& library, const Schedule& schedule, uint32_t grid);
    std::string compare();
    double decode(uint16_t bits) const;

    Variant variant_;
    Shape shape_;
    float lambda_;
    float scale_log2_;
    int query_blocks_, key_blocks_;
    std::vector<uint16_t> query_, key_, value_;
    std::vector<int> query_lengths_, key_lengths_;
    std::vector<float> lse_;
    std::vector<uint8_t> decisions_;
    std::vector<uint64_t> tile_counters_;
    uint32_t scheduler_ = 0;
};

}  // namespace self_test
