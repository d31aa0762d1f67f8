// What tensor_cases.cu's kernels must compute, and what their errors are.
#include <cmath>
#include <cstring>

#include "case_run.h"

// Enough of CUDA for the device's instruction layer, of which only what is constant is called.
#define __device__
#define __forceinline__ inline
static inline unsigned long __cvta_generic_to_shared(const void*) { return 0; }

namespace device_layer {
#include "../../../templates/ptx/tcgen05.cuh"
}

namespace self_test {

namespace {

constexpr const char* FILE_OF_CASES = "tensor_cases.cu";
constexpr int TENSOR = SIMULATOR_TENSOR_MEMORY;

const Breakage breakages[] = {
    {"LEAK", SIMULATOR_UNFINISHED, "are allocated"},
    {"RELEASE_TWICE", TENSOR, "which were not allocated so"},
    {"RELEASE_WHILE_LOADED", SIMULATOR_NOT_VISIBLE, "tcgen05.dealloc releases tensor memory column"},
    {"USE_AFTER_RELEASE", TENSOR, "which lie in no allocation"},
    {"OUTSIDE_ALLOCATION", TENSOR, "which lie in no allocation"},
    {"ALLOCATE_OTHER_THAN_A_POWER", TENSOR, "a power of two from 32 to 512"},
    {"ALLOCATE_AFTER_RELINQUISH", TENSOR, "after tcgen05.relinquish_alloc_permit"},
    {"ALLOCATE_MORE_THAN_BEFORE", TENSOR, "must not grow"},
    {"ALLOCATE_TOO_MUCH", TENSOR, "waits for ever"},
    {"ALLOCATE_IN_ANOTHER_WARP", TENSOR, "one warp allocates"},
    {"OTHER_WARPS_LANES", TENSOR, "reaches lanes"},
    {"OTHER_ADDRESS", SIMULATOR_COLLECTIVE, "operands other than"},
    {"LOAD_UNWRITTEN", SIMULATOR_NOT_VISIBLE, "which nobody has written"},
    {"ALLOCATION_WITHOUT_FENCE", SIMULATOR_NOT_VISIBLE, "written by a tcgen05.st or tcgen05.alloc of warp 0"},
    {"READ_LOADING_REGISTER", SIMULATOR_IN_FLIGHT, "reads a register that a tcgen05.ld"},
    {"STORE_OVER_LOAD", SIMULATOR_OVERWRITE, "which a tcgen05.ld of warp"},
    {"LOAD_WITHOUT_STORE_WAIT", SIMULATOR_NOT_VISIBLE, "written by a tcgen05.st"},
    {"STORE_OVER_STORE", SIMULATOR_NOT_VISIBLE, "written by a tcgen05.st"},
    {"LOAD_NEVER_AWAITED", SIMULATOR_UNFINISHED, "has not waited for its last tcgen05.ld"},
    {"STORE_NEVER_AWAITED", SIMULATOR_UNFINISHED, "has not waited for its last tcgen05.st"},
    {"LOAD_WITHOUT_COMMIT", SIMULATOR_NOT_VISIBLE, "written by a tcgen05.mma of warp 0"},
    {"LOAD_WITHOUT_FENCE_AFTER", SIMULATOR_NOT_VISIBLE, "written by a tcgen05.mma of warp 0"},
    {"LOAD_AFTER_A_HOP_WITHOUT_FENCES", SIMULATOR_NOT_VISIBLE, "written by a tcgen05.mma of warp 0"},
    {"PRODUCT_OVER_LOADS", SIMULATOR_OVERWRITE, "which a tcgen05.ld of warp"},
    {"PRODUCT_WITHOUT_FENCE_BEFORE", SIMULATOR_NOT_VISIBLE, "reads A from tensor memory column"},
    {"PRODUCT_WITHOUT_FENCE_AFTER", SIMULATOR_NOT_VISIBLE, "reads A from tensor memory column"},
    {"A_WITHOUT_STORE_WAIT", SIMULATOR_NOT_VISIBLE, "reads A from tensor memory column"},
    {"STORE_OVER_A", SIMULATOR_OVERWRITE, "which a tcgen05.mma of warp 0"},
    {"PRODUCT_OVER_A", SIMULATOR_OVERWRITE, "which a tcgen05.mma of warp 0"},
    {"PRODUCT_OF_OTHER_SHAPE", SIMULATOR_NOT_VISIBLE, "writes D to tensor memory column"},
    {"PRODUCT_ADDS_TO_NOTHING", SIMULATOR_NOT_VISIBLE, "adds to tensor memory column"},
    {"OPERAND_WITHOUT_WAIT", SIMULATOR_NOT_VISIBLE, "tcgen05.mma reads A"},
    {"OPERAND_WITHOUT_PROXY_FENCE", SIMULATOR_PROXY, "tcgen05.mma reads B"},
    {"COPY_OVER_OPERAND", SIMULATOR_OVERWRITE, "which a matrix product of warp 0"},
    {"STORE_OVER_OPERAND", SIMULATOR_OVERWRITE, "which a matrix product of warp 0"},
    {"INSTRUCTION_OF_64_ROWS", SIMULATOR_DESCRIPTOR, "128 rows"},
    {"INSTRUCTION_OF_24_COLUMNS", SIMULATOR_DESCRIPTOR, "N = 24"},
    {"INSTRUCTION_RESERVED", SIMULATOR_DESCRIPTOR, "bits 23 to 23"},
    {"INSTRUCTION_MIXED", SIMULATOR_DESCRIPTOR, "type of B"},
    {"INSTRUCTION_FLOAT16_SUMS", SIMULATOR_DESCRIPTOR, "type of D"},
    {"INSTRUCTION_A_TRANSPOSED", SIMULATOR_DESCRIPTOR, "but lies in tensor memory"},
    {"DESCRIPTOR_OF_ANOTHER_GENERATION", SIMULATOR_DESCRIPTOR, "bits 46 to 48"},
    {"DESCRIPTOR_SWIZZLE", SIMULATOR_DESCRIPTOR, "swizzling mode 1"},
    {"DESCRIPTOR_ABSOLUTE", SIMULATOR_DESCRIPTOR, "bits 52 to 52"},
    {"DESCRIPTOR_LEADING", SIMULATOR_DESCRIPTOR, "bits 16 to 29"},
    {"DESCRIPTOR_CROSSES_THE_ROW", SIMULATOR_DESCRIPTOR, "cross the end of a swizzled row"},
    {"MATRIX_NOT_AT_LANE_0", TENSOR, "does not start at lane 0"},
    {"TWO_ISSUERS", SIMULATOR_COLLECTIVE, "has issued products before"},
    {"COMMIT_MISSING", SIMULATOR_UNFINISHED, "have no tcgen05.commit"},
    {"COMMIT_NEVER_AWAITED", SIMULATOR_NOT_VISIBLE, "tcgen05.dealloc releases tensor memory column"},
    {"COMMIT_BEYOND", SIMULATOR_BARRIER, "arrives beyond the 1"},
};

// The value of 16 bits as binary16: no number here is subnormal or infinite.
float float16(uint16_t bits) {
    return bits == 0 || bits == 0x8000 ? 0.0f
                                       : std::ldexp(static_cast<float>(1024 + bits % 1024), (bits >> 10 & 31) - 25) *
                                             (bits >> 15 ? -1.0f : 1.0f);
}

// Runs the case under every schedule and asks for element (row, column) of `columns`.
std::string check_product(const Library& cases, const std::string& name, int columns,
                          const std::function<float(const CaseRun&, int, int)>& expected) {
    for (const Schedule& schedule : schedules) {
        CaseRun run;
        if (run.run(cases, FILE_OF_CASES, name, schedule).status != SIMULATOR_OK) {
            return run.report.message;
        }
        for (int i = 0; i < 128 * columns; ++i) {
            float wanted = expected(run, i / columns, i % columns);
            if (run.output_value(i) != wanted) {
                return "element (" + std::to_string(i / columns) + ", " + std::to_string(i % columns) + ") is " +
                       std::to_string(run.output_value(i)) + " instead of " + std::to_string(wanted);
            }
        }
        const SimulatorCounters& counters = run.report.counters;
        uint64_t flops = counters.shared_shared_flops + counters.register_shared_flops;
        uint64_t loaded = counters.tensor_loaded_bytes;
        bool wide = name == "PRODUCT_WIDE";
        uint64_t depth = name.starts_with("LAYOUT") ? 16 : 64;
        if (flops != 2ull * 128 * (wide ? 2 * 256 * 16 : 64 * depth) || loaded != 4ull * 128 * (wide ? 256 : 64)) {
            return "counted " + std::to_string(flops) + " FLOP and " + std::to_string(loaded) + " bytes loaded";
        }
    }
    return "";
}

// Products of A (m, k) and B (k, n), added in order of k.
std::string check_product(const Library& cases, const std::string& name, const std::function<float(int, int)>& a,
                          const std::function<float(int, int)>& b) {
    return check_product(cases, name, 64, [&](const CaseRun&, int row, int column) {
        float sum = 0;
        for (int k = 0; k < 64; ++k) {
            sum = std::fma(a(row, k), b(k, column), sum);
        }
        return sum;
    });
}

std::string check_words(const Library& cases, const std::string& name,
                        const std::function<bool(const CaseRun&)>& right) {
    for (const Schedule& schedule : schedules) {
        CaseRun run;
        if (run.run(cases, FILE_OF_CASES, name, schedule).status != SIMULATOR_OK) {
            return run.report.message;
        }
        if (!right(run)) {
            return "wrong values";
        }
    }
    return "";
}

// Instruction descriptors by CuTe (CUTLASS 7107b0553, include/cute/arch/mma_sm100_desc.hpp: UMMA::make_instr_desc), for
// 128 rows and float32 accumulators.
struct InstructionFigure {
    bool bfloat16;
    int columns;
    bool a_outer, b_outer;
    uint32_t bits;
};

constexpr InstructionFigure figures[] = {
    {true, 16, false, false, 0x08040490},  {true, 64, false, false, 0x08100490},
    {true, 128, false, false, 0x08200490}, {true, 256, false, false, 0x08400490},
    {true, 128, false, true, 0x08210490},  {true, 64, true, false, 0x08108490},
    {true, 192, true, true, 0x08318490},   {false, 128, false, false, 0x08200010},
    {false, 64, false, true, 0x08110010},
};

// And shared-memory descriptors of the 128-byte swizzle, as in tensor_cases.cu's table.
std::string check_builders() {
    using namespace device_layer;
    for (const InstructionFigure& figure : figures) {
        u32 bits = tcgen05_instruction(figure.bfloat16 ? ElementType::BFloat16 : ElementType::Float16, figure.columns,
                                       figure.a_outer ? Major::Outer : Major::Inner,
                                       figure.b_outer ? Major::Outer : Major::Inner);
        if (bits != figure.bits) {
            return "N = " + std::to_string(figure.columns) + " is described by " + std::to_string(bits);
        }
    }
    bool right = tcgen05_descriptor(0x12340, 16, 1024) == (0x4000404000010000 | 0x1234) &&
                 tcgen05_descriptor(0x400, 1024, 2048) == (0x4000408000400000 | 0x40) &&
                 tcgen05_advance(0x4000408000400040, 4096) == 0x4000408000400140;
    return right ? "" : "an operand is described in another way";
}

}  // namespace

void test_tensor_cases() {
    Library cases = Library::cases(FILE_OF_CASES);
    auto value = CaseRun::value;
    auto b_inner = [&](int k, int n) { return value(64 + n, k); };  // the tensor's rows from 64 on
    auto b_outer = [&](int k, int n) { return value(64 + k, n); };
    test("Stored_columns_are_loaded_again", [&] {
        return check_words(cases, "ROUND_TRIP", [](const CaseRun& run) {
            bool right = run.report.counters.tensor_stored_bytes == 128ull * 4 * (8 + 16 + 32 + 64 + 128);
            for (size_t i = 0; i < 5 * 128; ++i) {
                right = right && run.output[i] == 8u << i / 128;
            }
            return right;
        });
    });
    test("Tensor_product_of_inner_major_operands_is_the_naive_one",
         [&] { return check_product(cases, "PRODUCT_INNER", value, b_inner); });
    test("Tensor_product_is_known_through_a_thread_that_fences_on_both_sides",
         [&] { return check_product(cases, "LOAD_AFTER_A_HOP", value, b_inner); });
    test("Tensor_product_of_an_outer_major_A_is_the_naive_one", [&] {
        return check_product(
            cases, "PRODUCT_OUTER_A", [&](int m, int k) { return value(k + m / 64 * 64, m % 64); }, b_inner);
    });
    test("Tensor_product_of_an_outer_major_B_is_the_naive_one",
         [&] { return check_product(cases, "PRODUCT_OUTER_B", value, b_outer); });
    test("Tensor_product_of_float16_is_the_naive_one", [&] {
        CaseRun run;
        auto element = [&](int row, int column) { return float16(run.tensor[static_cast<size_t>(row * 64 + column)]); };
        return check_product(cases, "PRODUCT_FLOAT16", element, [&](int k, int n) { return element(64 + n, k); });
    });
    test("Tensor_product_of_A_in_tensor_memory_is_the_naive_one", [&] {
        return check_product(
            cases, "PRODUCT_TENSOR", [](int m, int k) { return static_cast<float>(m % 7 + k % 5); }, b_outer);
    });
    test("Tensor_product_of_256_columns_added_to_itself_is_the_naive_one", [&] {
        return check_product(cases, "PRODUCT_WIDE", 64, [&](const CaseRun&, int row, int column) {
            float sum = 0;
            for (int k = 0; k < 16; ++k) {
                sum += 2 * value(row, k) * value(64 + 4 * column % 8, k);
            }
            return sum;
        });
    });
    for (const char* layout : {"INNER_UNSWIZZLED", "INNER_32", "INNER_64", "INNER_128", "OUTER_UNSWIZZLED", "OUTER_32",
                               "OUTER_64", "OUTER_128"}) {
        test(std::string("Operands_lie_where_CuTe_puts_them_") + layout, [&] {
            return check_product(cases, std::string("LAYOUT_") + layout, 64, [&](const CaseRun&, int row, int column) {
                float sum = 0;
                for (int k = 0; k < 16; ++k) {
                    sum += value(row, k) * value(column, k);
                }
                return sum;
            });
        });
    }
    test("Descriptors_are_built_as_by_CuTe", check_builders);
    test("One_lane_of_a_warp_is_elected_always_the_same", [&] {
        return check_words(cases, "ELECTED", [](const CaseRun& run) {
            bool right = true;
            for (size_t warp = 0; warp < 4; ++warp) {
                uint32_t elected = 0;
                for (size_t lane = 0; lane < 32; ++lane) {
                    size_t i = 32 * warp + lane;
                    elected += run.output[i];
                    for (size_t round = 1; round < 4; ++round) {
                        right = right && run.output[128 * round + i] == run.output[i];
                    }
                }
                right = right && elected == 1;
            }
            return right;
        });
    });
    test("Packed_arithmetic_rounds_each_half_once", [&] {
        return check_words(cases, "PAIRS", [](const CaseRun& run) {
            bool right = true;
            for (uint32_t i = 0; i < 128; ++i) {
                float low = std::fma(1.0f + 0x1p-12f, 1.0f + 0x1p-12f, -1.0f);
                right = right && run.output_value(static_cast<int>(4 * i)) == low &&
                        run.output[4 * i + 1] == i * i + 3 && run.output[4 * i + 2] == 3 * i + 3 &&
                        run.output[4 * i + 3] == std::max(i, 77u);
            }
            return right;
        });
    });
    for (const Breakage& breakage : breakages) {
        test(std::string("Caught_") + breakage.name, [&] { return check_breakage(cases, FILE_OF_CASES, breakage); });
    }
}

}  // namespace self_test
