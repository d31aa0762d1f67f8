// Tests of the simulator itself, and of the prefill kernel's templates on it. Built and run by one command:
//   g++ -std=c++20 -O2 self_test/*.cpp -o self_test.out -ldl && ./self_test.out <tests/Simulator> <empty folder> [seed
//   [part of a test's name]]
// (self_test/test_kernel.cpp excluded: it is compiled by the program, as are the engine and the kernels.)
// Prints a line for each test; the exit status is the number of failed ones, at most 99.
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <regex>
#include <set>
#include <sstream>

#include "case_run.h"

namespace fs = std::filesystem;

namespace self_test {

namespace {

fs::path source, build;
std::string filter;
int failures;

}  // namespace

void test(const std::string& name, const std::function<std::string()>& body) {
    if (name.find(filter) == std::string::npos) {
        return;
    }
    auto start = std::chrono::steady_clock::now();
    std::string wrong;
    try {
        wrong = body();
    } catch (const std::exception& error) {
        wrong = error.what();
    }
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::cout << (wrong.empty() ? "passed  " : "FAILED  ") << name << " (" << seconds << " s)\n";
    if (!wrong.empty()) {
        std::cout << "    " << wrong << "\n";
        ++failures;
    }
    std::cout.flush();
}

namespace {

// ---- Cases of cases.cu

constexpr const char* FILE_OF_CASES = "cases.cu";

// What each broken kernel is told, under every schedule.
const Breakage breakages[] = {
    {"READ_WITHOUT_WAIT", SIMULATOR_NOT_VISIBLE, "reads shared + 0x"},
    {"PRODUCT_WITHOUT_WAIT", SIMULATOR_NOT_VISIBLE, "wgmma reads A"},
    {"PRODUCT_WITHOUT_PROXY_FENCE", SIMULATOR_PROXY, "through the generic proxy, without a proxy fence"},
    {"INIT_WITHOUT_FENCE", SIMULATOR_PROXY, "initialization was not fenced"},
    {"EXPECT_TOO_FEW", SIMULATOR_BARRIER, "16 bytes more than the phase has been told to expect"},
    {"EXPECT_TOO_MANY", SIMULATOR_DEADLOCK, "0 of 1 arrivals and 16 bytes pending"},
    {"EXPECT_NOTHING", SIMULATOR_BARRIER, "full"},
    {"ARRIVE_TOO_OFTEN", SIMULATOR_BARRIER, "beyond the 1"},
    {"LANE_MISSING", SIMULATOR_COLLECTIVE, "end"},
    {"OTHER_COLLECTIVE", SIMULATOR_COLLECTIVE, "__syncwarp"},
    {"OTHER_DESCRIPTOR", SIMULATOR_COLLECTIVE, "operands other than"},
    {"NOBODY_ARRIVES", SIMULATOR_DEADLOCK, "mbarrier full (shared + 0x4000), phase 0 (parity 0): 1 of 1 arrivals"},
    {"READ_ACCUMULATOR", SIMULATOR_IN_FLIGHT, "reads an accumulator"},
    {"NO_WGMMA_FENCE", SIMULATOR_IN_FLIGHT, "since its last wgmma.fence"},
    {"WRITE_FRAGMENT", SIMULATOR_IN_FLIGHT, "writes a register of A"},
    {"COPY_OVER_OPERAND", SIMULATOR_OVERWRITE, "which a matrix product of warp"},
    {"STORE_OVER_OPERAND", SIMULATOR_OVERWRITE, "which a matrix product of warp"},
    {"LDMATRIX_WITHOUT_WAIT", SIMULATOR_NOT_VISIBLE, "reads shared + 0x"},
    {"LDMATRIX_MISALIGNED", SIMULATOR_SHARED_MEMORY, "not aligned to 16 bytes"},
    {"LDMATRIX_PAST_END", SIMULATOR_SHARED_MEMORY, "outside of the CTA's"},
    {"COPY_OVER_LDMATRIX", SIMULATOR_OVERWRITE, "may still be reading"},
    {"OR_INTO_READ_ONLY", SIMULATOR_GLOBAL_MEMORY, "for reading only"},
    {"MISALIGNED_COPY", SIMULATOR_SHARED_MEMORY, "not aligned to 128 bytes"},
    {"STORE_PAST_END", SIMULATOR_SHARED_MEMORY, "ends past the CTA's"},
    {"DESCRIPTOR_PAST_END", SIMULATOR_SHARED_MEMORY, "A reads shared address"},
    {"DESCRIPTOR_CROSSES_ROW", SIMULATOR_DESCRIPTOR, "cross the end of a swizzled row"},
    {"READ_OUTSIDE", SIMULATOR_GLOBAL_MEMORY, "outside of the memory it was given"},
    {"WRITE_READ_ONLY", SIMULATOR_GLOBAL_MEMORY, "read_only, which is for reading only"},
    {"TOO_MANY_REGISTERS", SIMULATOR_REGISTERS, "registers"},
    {"BARRIER_COUNTS_DIFFER", SIMULATOR_NAMED_BARRIER, "named barrier 2"},
    {"ARRIVALS_ALONE", SIMULATOR_NAMED_BARRIER, "by arrivals alone"},
    {"ARRIVAL_NEVER_AWAITED", SIMULATOR_UNFINISHED, "128 of 256 threads have arrived"},
    {"GLOBAL_RACE", SIMULATOR_GLOBAL_MEMORY, "may still be writing"},
    {"ACROSS_CTAS_IN_ORDER_OF_AN_ATOMIC", SIMULATOR_GLOBAL_MEMORY, "may still be writing"},
    {"ACROSS_CTAS_NEVER_WRITTEN", SIMULATOR_DEADLOCK, "it polls"},
    {"OVERLAPPING_READ", SIMULATOR_GLOBAL_MEMORY, "reads global memory before griddepcontrol.wait"},
    {"OVERLAPPING_COPY", SIMULATOR_GLOBAL_MEMORY, "copies from global memory before griddepcontrol.wait"},
    {"STALE_PARITY", SIMULATOR_BARRIER, "more than one phase behind"},
    {"UNSEEN_PHASE", SIMULATOR_BARRIER, "nobody has waited for the one before"},
    {"PRODUCT_NEVER_AWAITED", SIMULATOR_UNFINISHED, "nobody waited for"},
    {"UNINITIALIZED_BARRIER", SIMULATOR_BARRIER, "has not been initialized"},
    {"STORE_RACE", SIMULATOR_OVERWRITE, "may still be writing"},
    {"READ_UNWRITTEN", SIMULATOR_NOT_VISIBLE, "nobody has written"},
    {"READ_BARRIER", SIMULATOR_BARRIER, "holds an mbarrier"},
    {"ENDLESS", SIMULATOR_RUNAWAY, "steps"},
    {"READ_RACE", SIMULATOR_NOT_VISIBLE, "words"},
    {"SYNCWARP_MISSING", SIMULATOR_NOT_VISIBLE, "reads"},
};

// The table of PTX ISA 5.5.7 for the 128-byte swizzle: which 16-byte unit of its row lies at each place.
constexpr int SWIZZLE_128[8][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}, {2, 3, 0, 1, 6, 7, 4, 5},
                                   {3, 2, 1, 0, 7, 6, 5, 4}, {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
                                   {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0}};

std::string check_tile(const Library& cases, const std::string& name, int first_row) {
    CaseRun run;
    if (run.run(cases, FILE_OF_CASES, name, schedules[2]).status != SIMULATOR_OK) {
        return run.report.message;
    }
    auto bytes = reinterpret_cast<const uint16_t*>(run.output.data());
    for (int row = 0; row < 64; ++row) {
        for (int place = 0; place < 8; ++place) {
            for (int e = 0; e < 8; ++e) {
                int column = SWIZZLE_128[row % 8][place] * 8 + e;
                uint16_t expected = first_row + row < CaseRun::ROWS
                                        ? run.tensor[static_cast<size_t>((first_row + row) * 64 + column)]
                                        : uint16_t{0};
                if (bytes[row * 64 + place * 8 + e] != expected) {
                    return "row " + std::to_string(row) + ", column " + std::to_string(column) + " differs";
                }
            }
        }
    }
    uint64_t inside = static_cast<uint64_t>(std::min(64, CaseRun::ROWS - first_row)) * 128;
    const SimulatorCounters& counters = run.report.counters;
    return counters.copies[0] == 1 && counters.copied_bytes[0] == 8192 && counters.tensor_bytes[0] == inside
               ? ""
               : "copied " + std::to_string(counters.copied_bytes[0]) + " bytes, " +
                     std::to_string(counters.tensor_bytes[0]) + " of the tensor";
}

std::string check_product(const Library& cases, const std::string& name) {
    for (const Schedule& schedule : schedules) {
        CaseRun run;
        if (run.run(cases, FILE_OF_CASES, name, schedule).status != SIMULATOR_OK) {
            return run.report.message;
        }
        bool k_major = name == "PRODUCT_K_MAJOR";
        for (int thread = 0; thread < 128; ++thread) {
            for (int i = 0; i < 32; ++i) {
                int row = thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8;
                int column = i / 4 * 8 + thread % 4 * 2 + i % 2;
                float expected = 0;
                for (int k = 0; k < 64; ++k) {
                    expected += k_major ? CaseRun::value(row, k) * CaseRun::value(64 + column, k)
                                        : static_cast<float>(row % 7 + k % 5) * CaseRun::value(64 + k, column);
                }
                float actual = run.output_value(32 * thread + i);
                if (actual != expected) {
                    return "element (" + std::to_string(row) + ", " + std::to_string(column) + ") is " +
                           std::to_string(actual) + " instead of " + std::to_string(expected);
                }
            }
        }
        const SimulatorCounters& counters = run.report.counters;
        uint64_t flops = k_major ? counters.shared_shared_flops : counters.register_shared_flops;
        if (flops != 4ull * 2 * 64 * 64 * 16) {
            return "counted " + std::to_string(flops) + " FLOP";
        }
    }
    return "";
}

void test_cases() {
    Library cases = Library::cases(FILE_OF_CASES);
    test("Copied_tile_has_the_swizzle_of_the_isa_table", [&] { return check_tile(cases, "DUMP_TILE", 0); });
    test("Copied_rows_outside_the_tensor_are_zero", [&] { return check_tile(cases, "DUMP_OUTSIDE", 100); });
    test("Product_of_K_major_tiles_is_the_naive_one", [&] { return check_product(cases, "PRODUCT_K_MAJOR"); });
    test("Product_of_fragments_and_N_major_tile_is_the_naive_one",
         [&] { return check_product(cases, "PRODUCT_N_MAJOR"); });
    test("Warp_product_of_two_loaded_matrices_is_the_naive_one", [&] {
        for (const Schedule& schedule : schedules) {
            CaseRun run;
            if (run.run(cases, FILE_OF_CASES, "WARP_PRODUCT", schedule).status != SIMULATOR_OK) {
                return std::string(run.report.message);
            }
            for (int i = 0; i < 16 * 8; ++i) {
                float expected = 0;
                for (int k = 0; k < 16; ++k) {
                    expected += CaseRun::value(i / 8, k) * CaseRun::value(16 + i % 8, k);
                }
                float actual = run.output_value(i);
                if (actual != expected) {
                    return "element " + std::to_string(i) + " is " + std::to_string(actual) + " instead of " +
                           std::to_string(expected);
                }
            }
        }
        return std::string();
    });
    test("Voting_barrier_tells_everybody_of_one_condition_and_forgets_it", [&] {
        for (const Schedule& schedule : schedules) {
            CaseRun run;
            if (run.run(cases, FILE_OF_CASES, "VOTING_BARRIER", schedule).status != SIMULATOR_OK) {
                return std::string(run.report.message);
            }
            for (size_t i = 0; i < 128 * 4; ++i) {
                if (run.output[i] != i % 2) {
                    return "word " + std::to_string(i) + " is " + std::to_string(run.output[i]);
                }
            }
        }
        return std::string();
    });
    test("Ctas_wait_for_each_others_words", [&] {
        for (const Schedule& schedule : schedules) {
            CaseRun run;
            if (run.run(cases, FILE_OF_CASES, "ACROSS_CTAS", schedule).status != SIMULATOR_OK) {
                return std::string(run.report.message);
            }
            for (size_t i = 0; i < 2 * 128; ++i) {
                if (run.output[1024 + i] != 127 - i % 128) {
                    return "word " + std::to_string(i) + " is " + std::to_string(run.output[1024 + i]);
                }
            }
        }
        return std::string();
    });
    test("Word_that_is_there_says_nothing_about_another", [&] {
        int stale = 0;
        for (const Schedule& schedule : schedules) {
            CaseRun run;
            if (run.run(cases, FILE_OF_CASES, "ACROSS_CTAS_BY_ANOTHER_WORD", schedule).status != SIMULATOR_OK) {
                return std::string(run.report.message);
            }
            for (size_t i = 0; i < 2 * 128; ++i) {
                stale += run.output[1024 + i] != i % 128 ? 1 : 0;
            }
        }
        return std::string(stale > 0 ? "" : "all words were there");
    });
    test("Kernel_that_waits_for_the_one_before_may_overlap_it", [&] {
        for (const Schedule& schedule : schedules) {
            CaseRun run;
            if (run.run(cases, FILE_OF_CASES, "OVERLAPPING", schedule).status != SIMULATOR_OK) {
                return std::string(run.report.message);
            }
        }
        return std::string();
    });
    test("Phases_of_an_mbarrier_alternate", [&] {
        for (const Schedule& schedule : schedules) {
            CaseRun run;
            if (run.run(cases, FILE_OF_CASES, "PHASES", schedule).status != SIMULATOR_OK || run.output[128] != 9 ||
                run.output[160] != 9) {
                return std::string(run.report.message) + " last value " + std::to_string(run.output[128]);
            }
        }
        return std::string();
    });
    for (const Breakage& breakage : breakages) {
        test(std::string("Caught_") + breakage.name, [&] { return check_breakage(cases, FILE_OF_CASES, breakage); });
    }
    test("Caught_COPY_NEVER_AWAITED", [&] {
        CaseRun run;
        SimulatorReport& report = run.run(cases, FILE_OF_CASES, "COPY_NEVER_AWAITED", schedules[2]);
        return report.status == SIMULATOR_UNFINISHED ? "" : std::to_string(report.status) + report.message;
    });
    test("One_seed_gives_one_run", [&] {
        CaseRun first, second;
        first.run(cases, FILE_OF_CASES, "PHASES", schedules[1]);
        second.run(cases, FILE_OF_CASES, "PHASES", schedules[1]);
        return std::memcmp(&first.report, &second.report, sizeof first.report) == 0 ? "" : "two runs differ";
    });
}

// ---- The layers

// Declarations of a layer's functions, without what may differ: bodies, inline assembly, attributes, parameter names of
// anonymous parameters, and the class template's specializations.
std::set<std::string> declarations(const fs::path& folder) {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder)) {
        std::ifstream stream(entry.path());
        std::stringstream text;
        text << stream.rdbuf();
        std::string all = std::regex_replace(text.str(), std::regex("//[^\n]*"), "");
        std::regex function(
            "((?:template <[^>]*>\\s*)?)__device__ __forceinline__ ((?:static )?[\\w ]+?) (\\w+)\\(([^{;]*)\\)\\s*"
            "\\{");
        for (std::sregex_iterator i(all.begin(), all.end(), function), end; i != end; ++i) {
            std::string declaration = (*i)[1].str() + (*i)[2].str() + " " + (*i)[3].str() + "(" + (*i)[4].str() + ")";
            if ((*i)[3].str().find("_shared") != std::string::npos && (*i)[2].str().find("static") == 0) {
                // Wgmma's members: widths are written out on one side, a template argument on the other.
                declaration =
                    std::regex_replace(declaration, std::regex("float \\(&d\\)\\[[^\\]]*\\]"), "float (&d)[]");
            }
            declaration = std::regex_replace(declaration, std::regex("\\(&\\w+\\)\\["), "(&)[");
            found.insert(entry.path().filename().string() + ": " +
                         std::regex_replace(declaration, std::regex("\\s+"), " "));
        }
    }
    return found;
}

std::string compare_layers() {
    std::set<std::string> device = declarations(source / "../../templates/ptx");
    std::set<std::string> host = declarations(source / "include/ptx");
    std::string wrong;
    for (const std::string& declaration : device) {
        wrong += host.count(declaration) ? "" : "the host lacks    " + declaration + "\n    ";
    }
    for (const std::string& declaration : host) {
        wrong += device.count(declaration) ? "" : "the device lacks  " + declaration + "\n    ";
    }
    return device.size() < 25 ? "only " + std::to_string(device.size()) + " declarations found" : wrong;
}

// ---- The prefill kernel

struct Prefill {
    Variant variant;
    Shape shape;
    float lambda;
};

void test_prefill(uint64_t seed) {
    auto variant = [](int d, const char* element, const char* mask, const char* threshold, const char* order,
                      int query_block, int key_block, int warpgroups, int key_tile) {
        Variant v;
        v.head_dim = d;
        v.element = element;
        v.mask = mask;
        v.threshold = threshold;
        v.order = order;
        v.query_block = query_block;
        v.key_block = key_block;
        v.consumer_warpgroups = warpgroups;
        v.key_tile = key_tile;
        // As variant selection has it.
        bool narrow = d == 128 && key_tile == 64;
        bool in_place = v.threshold != "Off" && warpgroups == 3 && (d == 128 || key_block == 128);
        v.key_stages = narrow ? 4 : 2;
        v.value_stages = narrow ? 4 : in_place ? 3 : d == 192 && key_tile == 128 ? 1 : 2;
        v.weight_steps = in_place ? 0 : 1;
        return v;
    };
    Prefill problems[] = {
        {variant(128, "BFloat16", "Causal", "Fixed", "Descending", 64, 64, 3, 128), {2, 4, 2, 333, 401, true}, 0.1f},
        {variant(128, "Float16", "Causal", "Fixed", "SinkFirst", 64, 64, 3, 128), {1, 2, 2, 210, 450, true}, 0.2f},
        {variant(128, "BFloat16", "None", "Fixed", "Ascending", 64, 128, 3, 128), {1, 2, 1, 260, 700, true}, 20.0f},
        {variant(64, "BFloat16", "Causal", "Fixed", "Descending", 64, 128, 3, 128), {1, 3, 1, 390, 780, true}, 30.0f},
        {variant(128, "BFloat16", "Causal", "Off", "Descending", 64, 64, 3, 64), {2, 2, 1, 300, 300, true}, 0.0f},
        {variant(64, "Float16", "None", "Fixed", "Descending", 64, 64, 3, 128), {1, 4, 1, 500, 450, false}, 0.3f},
        {variant(64, "BFloat16", "Causal", "Fixed", "SinkFirst", 64, 64, 2, 128), {2, 2, 2, 260, 390, true}, 0.2f},
        {variant(64, "Float16", "None", "Off", "Ascending", 64, 128, 2, 128), {1, 2, 2, 200, 333, false}, 0.0f},
        {variant(128, "Float16", "None", "Fixed", "Descending", 128, 128, 2, 128), {1, 2, 1, 390, 700, false}, 30.0f},
        {variant(128, "BFloat16", "None", "Fixed", "Ascending", 128, 64, 2, 128), {1, 3, 3, 140, 600, true}, 0.5f},
        {variant(256, "BFloat16", "Causal", "Fixed", "Descending", 64, 64, 2, 64), {1, 2, 1, 200, 500, true}, 1.5f},
        {variant(192, "BFloat16", "None", "Fixed", "Descending", 64, 64, 2, 128), {1, 3, 1, 230, 390, false}, 3.0f},
        {variant(256, "Float16", "None", "Off", "Descending", 64, 64, 2, 64), {1, 1, 1, 100, 130, false}, 0.0f},
    };
    for (Prefill& problem : problems) {
        test("Prefill_is_right_" + problem.variant.name(), [&] {
            Library library = Library::prefill(problem.variant);
            uint64_t case_seed = seed;
            uint64_t skipped = 0;
            for (const Schedule& chosen : schedules) {
                Schedule schedule = chosen;
                schedule.seed = ++case_seed;
                schedule.resident_ctas = 1 + case_seed % 2 * 2;
                Attention attention(problem.variant, problem.shape, problem.lambda, case_seed);
                std::string wrong = attention.check(library, schedule, 3);
                if (!wrong.empty()) {
                    return "seed " + std::to_string(case_seed) + ": " + wrong;
                }
                skipped += attention.skipped;
                const SimulatorCounters& counters = attention.report.counters;
                if (problem.variant.threshold == "Off" && (counters.warp_ors != 0 || counters.mbarrier_tests != 0)) {
                    return std::string("the dense kernel votes");
                }
            }
            return skipped == 0 && problem.variant.threshold != "Off" ? "nothing was skipped" : std::string();
        });
    }
    test("Skipped_tiles_cost_no_product_no_exponential_and_no_V", [&] {
        Variant v = variant(64, "BFloat16", "None", "Fixed", "Descending", 64, 64, 1, 64);
        Library library = Library::prefill(v);
        Attention attention(v, {1, 1, 1, 128, 640, false}, 0.5f, seed);
        std::string wrong = attention.check(library, schedules[1], 2);
        if (!wrong.empty()) {
            return wrong;
        }
        const SimulatorCounters& c = attention.report.counters;
        uint64_t kept = attention.visited - attention.skipped;
        // 64 rows × 64 keys × d 64 each.
        bool exact = c.register_shared_flops == kept * 2 * 64 * 64 * 64 && c.exponentials == kept * 64 * 64 &&
                     c.copied_bytes[2] == kept * 64 * 128 && c.copied_bytes[1] == attention.visited * 64 * 128 &&
                     c.shared_shared_flops == attention.visited * 2 * 64 * 64 * 64;
        return exact && attention.skipped > 0
                   ? ""
                   : std::to_string(kept) + " kept of " + std::to_string(attention.visited) + ": FLOP " +
                         std::to_string(c.register_shared_flops) + ", exponentials " + std::to_string(c.exponentials) +
                         ", bytes of V " + std::to_string(c.copied_bytes[2]);
    });
    test("One_head_of_1024_by_1024", [&] {
        Variant v = problems[0].variant;
        Library library = Library::prefill(v);
        Attention attention(v, {1, 1, 1, 1024, 1024, false}, 0.1f, seed);
        return attention.check(library, schedules[1], 1);
    });
}

}  // namespace

const fs::path& source_folder() { return source; }

const fs::path& build_folder() { return build; }

int main(int count, char** values) {
    if (count < 3) {
        std::cerr << "usage: self_test <tests/Simulator> <folder for what is built> [seed [part of a test's name]]\n";
        return 100;
    }
    source = fs::absolute(values[1]).lexically_normal();
    build = fs::absolute(values[2]).lexically_normal();
    fs::create_directories(build);
    uint64_t seed = count > 3 ? std::stoull(values[3]) : 1;
    filter = count > 4 ? values[4] : "";
    std::cout << "seed " << seed << "\n";
    test("Both_layers_declare_the_same_functions", compare_layers);
    test_cases();
    test_tensor_cases();
    test_prefill(seed);
    std::cout << (failures == 0 ? "all passed\n" : std::to_string(failures) + " failed\n");
    return std::min(failures, 99);
}

}  // namespace self_test

int main(int count, char** values) { return self_test::main(count, values); }
