// What an entry (../kernels) needs of the engine.
#pragma once
#include <span>

#include "../include/simulator_abi.h"

namespace simulator {

// A field of the kernel's shared memory, for messages.
struct SharedField {
    const char* name;
    unsigned long offset;
    unsigned long bytes;
    unsigned long element_bytes;
    bool votes;  // mbarriers on which votes are published
};

struct Kernel {
    unsigned threads;
    unsigned long argument_bytes;
    std::span<const SharedField> fields;
    unsigned maps;                          // of the launch's tensor maps, the first ones
    void (*enter)(const SimulatorLaunch&);  // calls the kernel as one thread
};

// Marks the 128 bytes of a tensor map; the map must outlive the launch.
void encode_map(const SimulatorTensorMap& map, unsigned long long (&opaque)[16]);

int run(const Kernel& kernel, const SimulatorLaunch& launch, SimulatorReport& report);

}  // namespace simulator
