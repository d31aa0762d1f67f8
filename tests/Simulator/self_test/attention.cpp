#include "attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

namespace self_test {

namespace {

// templates/skip_softmax/arguments.cuh.
struct PrefillArguments {
    void* output;
    float* lse;
    void* counters;
    uint8_t* decisions;
    const float* thresholds;
    const int* query_lengths;
    const int* key_lengths;
    uint32_t* scheduler;
    long long output_batch_stride, output_row_stride, output_head_stride;
    int batch, query_length, key_length, query_heads, key_value_heads, query_blocks, key_blocks, section_heads;
    float scale_log2, log2_threshold;
};

uint16_t encode(bool bfloat16, float value) {
    if (bfloat16) {
        uint32_t bits;
        std::memcpy(&bits, &value, 4);
        return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }
    int exponent;
    float fraction = std::frexp(std::fabs(value), &exponent);
    uint32_t sign = std::signbit(value) ? 0x8000 : 0;
    if (fraction == 0 || exponent < -13) {
        return static_cast<uint16_t>(sign);
    }
    return static_cast<uint16_t>(sign + static_cast<uint32_t>((exponent + 13) << 10) +
                                 static_cast<uint32_t>(std::lrint((fraction * 2) * 1024)));
}

int ceiling_divide(int a, int b) { return (a + b - 1) / b; }

}  // namespace

double Attention::decode(uint16_t bits) const {
    if (variant_.element == "BFloat16") {
        uint32_t word = static_cast<uint32_t>(bits) << 16;
        float value;
        std::memcpy(&value, &word, 4);
        return value;
    }
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023;
    double value = exponent == 31  ? (fraction != 0 ? std::nan("") : INFINITY)
                   : exponent == 0 ? std::ldexp(fraction, -24)
                                   : std::ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -value : value;
}

Attention::Attention(const Variant& variant, const Shape& shape, float lambda, uint64_t seed)
    : variant_(variant), shape_(shape), lambda_(lambda) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    bool bfloat16 = variant.element == "BFloat16";
    uint16_t nan = bfloat16 ? 0x7FC0 : 0x7E00;
    scale_log2_ = static_cast<float>(1.4426950408889634 / std::sqrt(variant.head_dim));
    query_blocks_ = ceiling_divide(shape.query_length, variant.query_block);
    key_blocks_ = ceiling_divide(shape.key_length, variant.key_block);
    for (int b = 0; b < shape.batch; ++b) {
        auto length = [&](int extent) {
            return shape.ragged ? static_cast<int>(random() % static_cast<uint64_t>(extent + 1)) : extent;
        };
        query_lengths_.push_back(length(shape.query_length));
        key_lengths_.push_back(length(shape.key_length));
    }
    auto fill = [&](std::vector<uint16_t>& tensor, int length, int heads, const std::vector<int>& valid, float spread) {
        for (int b = 0; b < shape.batch; ++b) {
            for (int row = 0; row < length; ++row) {
                // A few blocks matter more than the rest, so that there is something to skip.
                float weight = spread * (row / 64 % 3 == 0 ? 1.0f : 0.25f);
                for (int i = 0; i < heads * variant.head_dim; ++i) {
                    float value = normal(random) * weight;
                    tensor.push_back(row < valid[static_cast<size_t>(b)] ? encode(bfloat16, value) : nan);
                }
            }
        }
    };
    fill(query_, shape.query_length, shape.query_heads, query_lengths_, 3.0f);
    fill(key_, shape.key_length, shape.key_value_heads, key_lengths_, 1.5f);
    fill(value_, shape.key_length, shape.key_value_heads, key_lengths_, 1.0f);
}

std::string Attention::run(const Library& library, const Schedule& schedule, uint32_t grid) {
    SimulatorDescription description = library.describe();
    size_t heads = static_cast<size_t>(shape_.batch) * static_cast<size_t>(shape_.query_heads);
    output.assign(query_.size(), 0xFFFF);
    lse_.assign(heads * static_cast<size_t>(shape_.query_length), 12345.0f);
    decisions_.assign(heads * static_cast<size_t>(query_blocks_ * key_blocks_), 0);
    tile_counters_.assign(2 * heads, 0);
    scheduler_ = 0;
    cta_flops.assign(grid, 0);
    int d = variant_.head_dim;
    PrefillArguments arguments{};
    arguments.output = output.data();
    arguments.lse = lse_.data();
    arguments.counters = tile_counters_.data();
    arguments.decisions = decisions_.data();
    arguments.query_lengths = shape_.ragged ? query_lengths_.data() : nullptr;
    arguments.key_lengths = shape_.ragged ? key_lengths_.data() : nullptr;
    arguments.scheduler = &scheduler_;
    arguments.output_head_stride = d;
    arguments.output_row_stride = static_cast<long long>(d) * shape_.query_heads;
    arguments.output_batch_stride = arguments.output_row_stride * shape_.query_length;
    arguments.batch = shape_.batch;
    arguments.query_length = shape_.query_length;
    arguments.key_length = shape_.key_length;
    arguments.query_heads = shape_.query_heads;
    arguments.key_value_heads = shape_.key_value_heads;
    arguments.query_blocks = query_blocks_;
    arguments.key_blocks = key_blocks_;
    arguments.section_heads = 1;
    arguments.scale_log2 = scale_log2_;
    arguments.log2_threshold = std::log2(lambda_);

    std::vector<SimulatorRange> ranges;
    auto allow = [&](const char* name, const void* base, size_t bytes, bool writable) {
        ranges.push_back({reinterpret_cast<uint64_t>(base), bytes, name, writable, 0});
    };
    allow("output", output.data(), 2 * output.size(), true);
    allow("lse", lse_.data(), 4 * lse_.size(), true);
    allow("counters", tile_counters_.data(), 8 * tile_counters_.size(), true);
    allow("decisions", decisions_.data(), decisions_.size(), true);
    allow("scheduler", &scheduler_, sizeof scheduler_, true);
    allow("query_lengths", query_lengths_.data(), 4 * query_lengths_.size(), false);
    allow("key_lengths", key_lengths_.data(), 4 * key_lengths_.size(), false);

    SimulatorLaunch launch{};
    launch.abi_version = SIMULATOR_ABI_VERSION;
    launch.grid = grid;
    launch.threads = description.threads;
    launch.shared_bytes = description.shared_bytes;
    launch.order = schedule.order;
    launch.completion = schedule.completion;
    launch.starved_warpgroup = schedule.starved_warpgroup;
    launch.resident_ctas = schedule.resident_ctas;
    launch.seed = schedule.seed;
    launch.arguments = &arguments;
    launch.argument_bytes = sizeof arguments;
    launch.ranges = ranges.data();
    launch.range_count = static_cast<uint32_t>(ranges.size());
    launch.cta_flops = cta_flops.data();
    // runtime/Launch/TensorMapEncoder.cs.
    auto map = [&](SimulatorTensorMap& m, const std::vector<uint16_t>& tensor, int length, int tensor_heads,
                   uint32_t box) {
        auto row = static_cast<uint64_t>(tensor_heads * d);
        auto size = [](int n) { return static_cast<uint64_t>(n); };
        m = {reinterpret_cast<uint64_t>(tensor.data()),
             2 * tensor.size(),
             2,
             SIMULATOR_SWIZZLE_128,
             {64, size(length), size(d / 64), size(tensor_heads), size(shape_.batch)},
             {2, 2 * row, 128, 2 * size(d), 2 * row * size(length)},
             {64, box, static_cast<uint32_t>(d / 64), 1, 1},
             0};
    };
    map(launch.maps[0], query_, shape_.query_length, shape_.query_heads, description.query_box);
    map(launch.maps[1], key_, shape_.key_length, shape_.key_value_heads, description.key_box);
    map(launch.maps[2], value_, shape_.key_length, shape_.key_value_heads, description.value_box);
    library.run(launch, report);
    return report.status == SIMULATOR_OK
               ? ""
               : std::string("status ") + std::to_string(report.status) + ": " + report.message;
}

std::string Attention::check(const Library& library, const Schedule& schedule, uint32_t grid) {
    std::string error = run(library, schedule, grid);
    return error.empty() ? compare() : error;
}

std::string Attention::compare() {
    auto decoded = [&](const std::vector<uint16_t>& tensor) {
        std::vector<double> values;
        for (uint16_t bits : tensor) {
            values.push_back(decode(bits));
        }
        return values;
    };
    std::vector<double> query = decoded(query_), key = decoded(key_), value = decoded(value_),
                        actual_output = decoded(output);
    std::ostringstream wrong;
    int d = variant_.head_dim;
    bool causal = variant_.mask == "Causal";
    bool skips = variant_.threshold != "Off";
    double scale = scale_log2_ / 1.4426950408889634;
    double log_lambda = std::log(lambda_);
    double error_squares = 0;
    double squares = 0;
    visited = skipped = 0;
    for (int b = 0; b < shape_.batch; ++b) {
        int query_length = query_lengths_[static_cast<size_t>(b)];
        int key_length = key_lengths_[static_cast<size_t>(b)];
        for (int h = 0; h < shape_.query_heads; ++h) {
            int kv = h / (shape_.query_heads / shape_.key_value_heads);
            uint64_t head_visited = 0;
            uint64_t head_skipped = 0;
            auto flat_head = static_cast<size_t>(b * shape_.query_heads + h);
            for (int block = 0; block < query_blocks_; ++block) {
                int rows = std::min(variant_.query_block, query_length - block * variant_.query_block);
                int first = block * variant_.query_block;
                uint8_t* decisions =
                    &decisions_[(flat_head * static_cast<size_t>(query_blocks_) + static_cast<size_t>(block)) *
                                static_cast<size_t>(key_blocks_)];
                auto visible = [&](int row) {
                    return causal ? std::clamp(row + 1 + key_length - query_length, 0, key_length) : key_length;
                };
                int keys = rows > 0 ? visible(first + rows - 1) : 0;
                int blocks = ceiling_divide(keys, variant_.key_block);
                std::vector<double> maximum(static_cast<size_t>(std::max(rows, 0)), -INFINITY),
                    sum(maximum.size(), 0.0);
                std::vector<double> out(maximum.size() * static_cast<size_t>(d), 0.0);
                bool any = false;
                for (int n = 0; n < blocks; ++n) {
                    int j = variant_.order == "Ascending"    ? n
                            : variant_.order == "Descending" ? blocks - 1 - n
                                                             : (n == 0 ? 0 : blocks - n);
                    std::vector<double> logits(static_cast<size_t>(rows * variant_.key_block), -INFINITY);
                    std::vector<double> tile_maximum(static_cast<size_t>(rows), -INFINITY);
                    double margin = -INFINITY;
                    for (int i = 0; i < rows; ++i) {
                        int limit = visible(first + i);
                        for (int k = 0; k < variant_.key_block && j * variant_.key_block + k < limit; ++k) {
                            size_t q = (static_cast<size_t>(b * shape_.query_length + first + i) *
                                            static_cast<size_t>(shape_.query_heads) +
                                        static_cast<size_t>(h)) *
                                       static_cast<size_t>(d);
                            size_t c = (static_cast<size_t>(b * shape_.key_length + j * variant_.key_block + k) *
                                            static_cast<size_t>(shape_.key_value_heads) +
                                        static_cast<size_t>(kv)) *
                                       static_cast<size_t>(d);
                            double dot = 0;
                            for (int e = 0; e < d; ++e) {
                                dot += query[q + static_cast<size_t>(e)] * key[c + static_cast<size_t>(e)];
                            }
                            logits[static_cast<size_t>(i * variant_.key_block + k)] = scale * dot;
                            tile_maximum[static_cast<size_t>(i)] =
                                std::max(tile_maximum[static_cast<size_t>(i)], scale * dot);
                        }
                        double m = tile_maximum[static_cast<size_t>(i)];
                        if (m > -INFINITY) {
                            margin = std::max(margin, m - maximum[static_cast<size_t>(i)] - log_lambda);
                        }
                    }
                    bool keep = !skips || !any || !(margin < 0);
                    bool kernel_keeps = decisions[j] == 1;
                    if (decisions[j] == 0) {
                        wrong << "block " << j << " of rows " << first << " was not visited\n";
                        return wrong.str();
                    }
                    if (keep != kernel_keeps) {
                        if (!any || std::fabs(margin) > 1e-4) {
                            wrong << "decision of head " << h << " rows " << first << " block " << j << " is "
                                  << int(decisions[j]) << ", margin " << margin << "\n";
                            return wrong.str();
                        }
                        keep = kernel_keeps;
                    }
                    ++head_visited;
                    head_skipped += !keep;
                    any = any || keep;
                    for (int i = 0; keep && i < rows; ++i) {
                        auto row = static_cast<size_t>(i);
                        double larger = std::max(maximum[row], tile_maximum[row]);
                        if (larger == -INFINITY) {
                            continue;
                        }
                        double rescale = std::exp(maximum[row] - larger);
                        sum[row] *= rescale;
                        for (int e = 0; e < d; ++e) {
                            out[row * static_cast<size_t>(d) + static_cast<size_t>(e)] *= rescale;
                        }
                        maximum[row] = larger;
                        for (int k = 0; k < variant_.key_block; ++k) {
                            double weight = std::exp(
                                logits[row * static_cast<size_t>(variant_.key_block) + static_cast<size_t>(k)] -
                                larger);
                            if (weight == 0) {
                                continue;
                            }
                            sum[row] += weight;
                            size_t c = (static_cast<size_t>(b * shape_.key_length + j * variant_.key_block + k) *
                                            static_cast<size_t>(shape_.key_value_heads) +
                                        static_cast<size_t>(kv)) *
                                       static_cast<size_t>(d);
                            for (int e = 0; e < d; ++e) {
                                out[row * static_cast<size_t>(d) + static_cast<size_t>(e)] +=
                                    weight * value[c + static_cast<size_t>(e)];
                            }
                        }
                    }
                }
                for (int i = 0; i < rows; ++i) {
                    auto row = static_cast<size_t>(i);
                    size_t q = (static_cast<size_t>(b * shape_.query_length + first + i) *
                                    static_cast<size_t>(shape_.query_heads) +
                                static_cast<size_t>(h)) *
                               static_cast<size_t>(d);
                    for (int e = 0; e < d; ++e) {
                        double expected =
                            sum[row] == 0 ? 0 : out[row * static_cast<size_t>(d) + static_cast<size_t>(e)] / sum[row];
                        double difference = actual_output[q + static_cast<size_t>(e)] - expected;
                        error_squares += difference * difference;
                        squares += expected * expected;
                    }
                    double expected = maximum[row] + std::log(sum[row]);
                    double actual =
                        lse_[flat_head * static_cast<size_t>(shape_.query_length) + static_cast<size_t>(first + i)];
                    if (!(expected == actual || std::fabs(expected - actual) < 1e-3)) {
                        wrong << "LSE of head " << h << " row " << first + i << " is " << actual << " instead of "
                              << expected << "\n";
                        return wrong.str();
                    }
                }
            }
            if (tile_counters_[2 * flat_head] != head_visited || tile_counters_[2 * flat_head + 1] != head_skipped) {
                wrong << "head " << h << " counted " << tile_counters_[2 * flat_head] << " visited and "
                      << tile_counters_[2 * flat_head + 1] << " skipped tiles instead of " << head_visited << " and "
                      << head_skipped << "\n";
                return wrong.str();
            }
            visited += head_visited;
            skipped += head_skipped;
        }
    }
    double error = std::sqrt(error_squares / std::max(squares, 1e-30));
    if (!(error < (variant_.element == "BFloat16" ? 4e-3 : 1e-3))) {
        wrong << "relative error " << error << "\n";
    }
    if (scheduler_ != 0) {
        wrong << "the scheduler's word is not zero again\n";
    }
    return wrong.str();
}

}  // namespace self_test
