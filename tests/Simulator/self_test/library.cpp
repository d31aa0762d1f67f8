#include "library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace fs = std::filesystem;

namespace self_test {

namespace {

constexpr const char* COMMON_FLAGS =
    " -std=c++20 -march=native -fPIC -fvisibility=hidden -ffp-contract=off -g1 -Wno-psabi";

constexpr auto OVERWRITE = fs::copy_options::recursive | fs::copy_options::overwrite_existing;

void command(const std::string& line) {
    if (std::system(line.c_str()) != 0) {
        throw std::runtime_error("failed: " + line);
    }
}

std::string read(const fs::path& file) {
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

// The engine, compiled once for all kernels.
std::string engine_objects() {
    static const std::string objects = [] {
        std::string all;
        for (const auto& entry : fs::directory_iterator(source_folder() / "engine")) {
            if (entry.path().extension() == ".cpp") {
                fs::path object = build_folder() / entry.path().filename().replace_extension(".o");
                command(compiler() + COMMON_FLAGS + " -O3 -c " + entry.path().string() + " -o " + object.string());
                all += " " + object.string();
            }
        }
        return all;
    }();
    return objects;
}

// Accesses of the kernel's text call the engine (-fsanitize=thread), but libtsan itself is not linked.
fs::path build(const fs::path& entry, const fs::path& text, const fs::path& folder) {
    fs::path library = folder / "kernel.so";
    command(compiler() + COMMON_FLAGS + " -O2 -fsanitize=thread --param tsan-instrument-func-entry-exit=0 -I" +
            (source_folder() / "include").string() + " -DKERNEL_TEXT='\"" + text.string() + "\"' -c " + entry.string() +
            " -o " + (folder / "kernel.o").string());
    command(compiler() + " -shared -o " + library.string() + " " + (folder / "kernel.o").string() + engine_objects());
    return library;
}

void set_constant(std::string& text, const std::string& name, const std::string& value) {
    size_t at = text.find(" " + name + " = ");
    if (at == std::string::npos) {
        throw std::runtime_error("templates/constants/sm90_prefill.cuh has no constant " + name);
    }
    at += name.size() + 4;
    text.replace(at, text.find(';', at) - at, value);
}

}  // namespace

std::string compiler() {
    const char* chosen = std::getenv("CXX");
    return chosen != nullptr ? chosen : "g++";
}

std::string Variant::name() const {
    std::ostringstream name;
    name << "d" << head_dim << "_" << element << "_" << mask << "_" << threshold << "_" << order << "_q" << query_block
         << "k" << key_block << "_tile" << 64 * consumer_warpgroups << "x" << key_tile;
    return name.str();
}

Library Library::prefill(const Variant& v) {
    fs::path templates = source_folder() / "../../templates";
    fs::path folder = build_folder() / v.name();
    for (const char* part : {"kernels", "skip_softmax", "constants"}) {
        fs::create_directories(folder / part);
        fs::copy(templates / part, folder / part, OVERWRITE);
    }
    fs::create_directories(folder / "ptx");
    fs::copy(source_folder() / "include/ptx", folder / "ptx", OVERWRITE);
    fs::path constants = folder / "constants/sm90_prefill.cuh";
    std::string text = read(constants);
    set_constant(text, "HEAD_DIM", std::to_string(v.head_dim));
    set_constant(text, "QUERY_BLOCK", std::to_string(v.query_block));
    set_constant(text, "KEY_BLOCK", std::to_string(v.key_block));
    set_constant(text, "ELEMENT", "ElementType::" + v.element);
    set_constant(text, "MASK", "AttentionMask::" + v.mask);
    set_constant(text, "THRESHOLD", "ThresholdMode::" + v.threshold);
    set_constant(text, "ORDER", "TileOrder::" + v.order);
    set_constant(text, "QUERY_TILE", std::to_string(64 * v.consumer_warpgroups));
    set_constant(text, "KEY_TILE", std::to_string(v.key_tile));
    set_constant(text, "KEY_STAGES", std::to_string(v.key_stages));
    set_constant(text, "VALUE_STAGES", std::to_string(v.value_stages));
    set_constant(text, "WEIGHT_STEPS", std::to_string(v.weight_steps));
    // As variant selection shares them out, for one, two and three consumer warpgroups.
    constexpr const char* CONSUMER_REGISTERS[] = {"256", "232", "160"};
    constexpr const char* PRODUCER_REGISTERS[] = {"32", "40", "32"};
    set_constant(text, "CONSUMER_REGISTERS", CONSUMER_REGISTERS[v.consumer_warpgroups - 1]);
    set_constant(text, "PRODUCER_REGISTERS", PRODUCER_REGISTERS[v.consumer_warpgroups - 1]);
    std::ofstream(constants) << text;
    return Library(build(source_folder() / "kernels/sm90_prefill.cpp", folder / "kernels/sm90_prefill.cu", folder));
}

Library Library::cases(const std::string& file) {
    fs::path folder = build_folder() / fs::path(file).stem();
    fs::create_directories(folder / "skip_softmax");
    fs::create_directories(folder / "ptx");
    fs::copy(source_folder() / "include/ptx", folder / "ptx", OVERWRITE);
    fs::copy(source_folder() / "../../templates/skip_softmax/declaration.cuh", folder / "skip_softmax/declaration.cuh",
             OVERWRITE);
    fs::copy(source_folder() / "self_test" / file, folder / file, OVERWRITE);
    return Library(build(source_folder() / "self_test/test_kernel.cpp", folder / file, folder));
}

Library::Library(const fs::path& file) : handle_(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) {
        throw std::runtime_error(dlerror());
    }
}

Library::Library(Library&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }

Library::~Library() {
    if (handle_ != nullptr) {
        dlclose(handle_);
    }
}

SimulatorDescription Library::describe() const {
    SimulatorDescription description;
    reinterpret_cast<void (*)(SimulatorDescription*)>(dlsym(handle_, "simulator_describe"))(&description);
    return description;
}

int Library::run(const SimulatorLaunch& launch, SimulatorReport& report) const {
    using Run = int (*)(const SimulatorLaunch*, SimulatorReport*);
    return reinterpret_cast<Run>(dlsym(handle_, "simulator_run"))(&launch, &report);
}

}  // namespace self_test
