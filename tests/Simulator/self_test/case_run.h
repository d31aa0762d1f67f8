// Runs of small kernels (cases.cu, tensor_cases.cu), one for each thing the simulator must compute or catch.
#pragma once
#include <functional>
#include <vector>

#include "attention.h"
#include "library.h"

namespace self_test {

// Runs the body, which says what is wrong, or nothing, and prints a line.
void test(const std::string& name, const std::function<std::string()>& body);

extern const std::vector<Schedule> schedules;

struct CaseRun {
    // 128 rows of 64 bfloat16 elements; element (r, c) holds small integers, so that products are exact.
    static constexpr int ROWS = 128;
    std::vector<uint16_t> tensor;
    std::vector<uint32_t> output = std::vector<uint32_t>(8192, 0);
    std::vector<uint32_t> read_only = std::vector<uint32_t>(64, 3);
    SimulatorReport report;

    static float value(int row, int column) { return static_cast<float>((row * 5 + column * 3) % 11 - 5); }

    CaseRun();

    // `file`: whose enum numbers the case.
    SimulatorReport& run(const Library& library, const std::string& file, const std::string& name,
                         const Schedule& schedule);
    float output_value(int index) const;
};

// What a broken kernel is told.
struct Breakage {
    const char* name;
    int status;
    const char* message;
};

// Under every schedule.
std::string check_breakage(const Library& cases, const std::string& file, const Breakage& breakage);

void test_tensor_cases();

}  // namespace self_test
