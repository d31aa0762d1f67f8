// What the entries of the simulated prefill kernels share: the kernel's text, above the host's instruction layer, and
// the launch. KERNEL_TEXT names the file to simulate.
#pragma once
#include <cuda_host.h>

#include KERNEL_TEXT

#include <cstddef>
#include <cstring>

#include "../engine/engine.h"

// What follows is the launch, not the kernel: its accesses are not the kernel's.
#define LAUNCH_CODE __attribute__((no_sanitize("thread")))

LAUNCH_CODE static TensorMap map_of(const SimulatorTensorMap& map) {
    TensorMap encoded{};
    simulator::encode_map(map, encoded.opaque);
    return encoded;
}

LAUNCH_CODE static void enter(const SimulatorLaunch& launch) {
    PrefillArguments arguments;
    std::memcpy(&arguments, launch.arguments, sizeof arguments);
    skip_softmax_prefill(map_of(launch.maps[0]), map_of(launch.maps[1]), map_of(launch.maps[2]), arguments);
}

#define SHARED_FIELD(name, element, votes) \
    simulator::SharedField { #name, offsetof(SharedMemory, name), sizeof(SharedMemory::name), sizeof(element), votes }
#define FIELD(name, element) SHARED_FIELD(name, element, false)

// Of every prefill kernel.
#define PREFILL_FIELDS                                                                                               \
    FIELD(query, SharedMemory::query[0]), FIELD(key, SharedMemory::key[0]), FIELD(value, SharedMemory::value[0][0]), \
        FIELD(query_full, Mbarrier), FIELD(query_empty, Mbarrier), FIELD(key_full, Mbarrier),                        \
        FIELD(key_empty, Mbarrier), FIELD(value_full, Mbarrier), FIELD(value_empty, Mbarrier),                       \
        FIELD(value_landed, Mbarrier), SHARED_FIELD(voted, Mbarrier, true), FIELD(next_full, Mbarrier),              \
        FIELD(next_empty, Mbarrier), FIELD(objections, u32), FIELD(work, WorkTile)

// The C interface of a kernel whose shared memory holds `fields`.
#define PREFILL_INTERFACE(fields)                                                                                    \
    extern "C" __attribute__((visibility("default"))) int simulator_run(const SimulatorLaunch* launch,               \
                                                                        SimulatorReport* report) {                   \
        return simulator::run({THREADS, sizeof(PrefillArguments), fields, SIMULATOR_MAPS, enter}, *launch, *report); \
    }                                                                                                                \
                                                                                                                     \
    extern "C" __attribute__((visibility("default"))) void simulator_describe(SimulatorDescription* description) {   \
        *description = {SIMULATOR_ABI_VERSION,                                                                       \
                        THREADS,                                                                                     \
                        sizeof(SharedMemory),                                                                        \
                        sizeof(PrefillArguments),                                                                    \
                        QUERY_TILE,                                                                                  \
                        QUERY_BOX,                                                                                   \
                        static_cast<u32>(KEY_TILE),                                                                  \
                        static_cast<u32>(KEY_BLOCK)};                                                                \
    }
