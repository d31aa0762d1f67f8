#include "case_run.h"

#include <cstring>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

namespace self_test {

namespace {

// The order of the file's enum, read from its text.
int case_number(const std::string& file, const std::string& name) {
    static std::map<std::string, std::vector<std::string>> read;
    std::vector<std::string>& names = read[file];
    if (names.empty()) {
        std::ifstream stream(source_folder() / "self_test" / file);
        std::stringstream text;
        text << stream.rdbuf();
        std::string all = text.str();
        size_t begin = all.find("enum Case {");
        std::string body = all.substr(begin, all.find("};", begin) - begin);
        std::regex word("\\b([A-Z][A-Z_0-9]{3,})\\b");
        for (std::sregex_iterator i(body.begin(), body.end(), word), end; i != end; ++i) {
            names.push_back((*i)[1]);
        }
    }
    for (size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) {
            return static_cast<int>(i);
        }
    }
    throw std::runtime_error(file + " has no case " + name);
}

}  // namespace

const std::vector<Schedule> schedules = {
    {SIMULATOR_ORDER_FAIR, SIMULATOR_COMPLETION_EARLIEST, 0, 1, 1},
    {SIMULATOR_ORDER_RANDOM, SIMULATOR_COMPLETION_RANDOM, 0, 1, 2},
    {SIMULATOR_ORDER_RANDOM, SIMULATOR_COMPLETION_LATEST, 0, 1, 3},
    {SIMULATOR_ORDER_STARVE_WARPGROUP, SIMULATOR_COMPLETION_LATEST, 0, 1, 4},
    {SIMULATOR_ORDER_STARVE_WARPGROUP, SIMULATOR_COMPLETION_EARLIEST, 1, 1, 5},
    {SIMULATOR_ORDER_LEADERS_FIRST, SIMULATOR_COMPLETION_EARLIEST, 0, 1, 6},
    {SIMULATOR_ORDER_STARVE_LANES, SIMULATOR_COMPLETION_RANDOM, 0, 1, 7},
};

CaseRun::CaseRun() {
    for (int i = 0; i < ROWS * 64; ++i) {
        float x = value(i / 64, i % 64);
        uint32_t bits;
        std::memcpy(&bits, &x, 4);
        tensor.push_back(static_cast<uint16_t>(bits >> 16));
    }
}

SimulatorReport& CaseRun::run(const Library& library, const std::string& file, const std::string& name,
                              const Schedule& schedule) {
    struct {
        int which, reserved;
        uint32_t* output;
        const uint32_t* read_only;
    } arguments{case_number(file, name), 0, output.data(), read_only.data()};
    SimulatorRange ranges[] = {{reinterpret_cast<uint64_t>(output.data()), 4 * output.size(), "output", 1, 0},
                               {reinterpret_cast<uint64_t>(read_only.data()), 256, "read_only", 0, 0}};
    SimulatorLaunch launch{};
    SimulatorDescription description = library.describe();
    launch.abi_version = SIMULATOR_ABI_VERSION;
    launch.grid = name.starts_with("ACROSS_CTAS") ? 2 : 1;
    launch.resident_ctas = launch.grid;
    launch.overlapping = name.starts_with("OVERLAPPING") ? 1 : 0;
    launch.threads = description.threads;
    launch.shared_bytes = (description.shared_bytes + 15) / 16 * 16;
    launch.order = schedule.order;
    launch.completion = schedule.completion;
    launch.seed = schedule.seed;
    launch.step_limit = 2'000'000;
    launch.arguments = &arguments;
    launch.argument_bytes = sizeof arguments;
    launch.ranges = ranges;
    launch.range_count = 2;
    for (SimulatorTensorMap& map : launch.maps) {
        map = {reinterpret_cast<uint64_t>(tensor.data()),
               2 * tensor.size(),
               2,
               SIMULATOR_SWIZZLE_128,
               {64, ROWS, 1, 1, 1},
               {2, 128, 16384, 16384, 16384},
               {64, 64, 1, 1, 1},
               0};
    }
    library.run(launch, report);
    return report;
}

float CaseRun::output_value(int index) const {
    float value;
    std::memcpy(&value, &output[static_cast<size_t>(index)], 4);
    return value;
}

std::string check_breakage(const Library& cases, const std::string& file, const Breakage& breakage) {
    for (const Schedule& schedule : schedules) {
        CaseRun run;
        SimulatorReport& report = run.run(cases, file, breakage.name, schedule);
        // A race may show on its other side first.
        bool race = std::string(breakage.name) == "READ_RACE" || std::string(breakage.name) == "SYNCWARP_MISSING";
        bool other_side = race && (report.status == SIMULATOR_NOT_VISIBLE || report.status == SIMULATOR_OVERWRITE);
        if (!other_side &&
            (report.status != breakage.status || std::strstr(report.message, breakage.message) == nullptr)) {
            return "status " + std::to_string(report.status) + ": " + report.message;
        }
        if (report.line == 0 && report.status != SIMULATOR_DEADLOCK && report.status != SIMULATOR_REGISTERS &&
            report.status != SIMULATOR_UNFINISHED && std::strstr(report.message, " full") == nullptr &&
            std::strstr(report.message, "issued at line") == nullptr) {
            return std::string("no source line: ") + report.message;
        }
    }
    return "";
}

}  // namespace self_test
