// Builds simulated kernels with the host's compiler and loads them.
#pragma once
#include <filesystem>
#include <string>

#include "../include/simulator_abi.h"

namespace self_test {

// The compiler: $CXX, or g++.
std::string compiler();

// Where tests/Simulator lies, and an empty folder for what is built.
const std::filesystem::path& source_folder();
const std::filesystem::path& build_folder();

// Constants of a prefill variant, as templates/constants/sm90_prefill.cuh names them.
struct Variant {
    int head_dim = 128;
    int query_block = 64;
    int key_block = 64;
    std::string element = "BFloat16";
    std::string mask = "Causal";
    std::string threshold = "Fixed";
    std::string order = "Descending";
    int consumer_warpgroups = 2;
    int key_tile = 128;
    int key_stages = 2;
    int value_stages = 2;
    int weight_steps = 1;

    std::string name() const;
};

class Library {
  public:
    // Compiles the templates above the instruction layer as they stand, with the variant's constants.
    static Library prefill(const Variant& variant);
    // Compiles cases.cu or tensor_cases.cu.
    static Library cases(const std::string& file);

    Library(Library&&) noexcept;
    ~Library();

    SimulatorDescription describe() const;
    int run(const SimulatorLaunch& launch, SimulatorReport& report) const;

  private:
    explicit Library(const std::filesystem::path& file);
    void* handle_;
};

}  // namespace self_test
