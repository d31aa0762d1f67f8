// The entry of a simulated decode kernel of any target: its text, above the host's instruction layer, and the C
// interface around it. KERNEL_TEXT names the file to simulate. Tensor maps: K and V.
#pragma once
#include <cuda_host.h>

#include KERNEL_TEXT

#include <cstddef>
#include <cstring>

#include "../engine/engine.h"

namespace {

// What follows is the launch, not the kernel: its accesses are not the kernel's.
#define LAUNCH_CODE __attribute__((no_sanitize("thread")))

constexpr unsigned MAPS = 2;

LAUNCH_CODE TensorMap map_of(const SimulatorTensorMap& map) {
    TensorMap encoded{};
    simulator::encode_map(map, encoded.opaque);
    return encoded;
}

LAUNCH_CODE void enter(const SimulatorLaunch& launch) {
    DecodeArguments arguments;
    std::memcpy(&arguments, launch.arguments, sizeof arguments);
    skip_softmax_decode(map_of(launch.maps[0]), map_of(launch.maps[1]), arguments);
}

#define FIELD(name, element) \
    simulator::SharedField { #name, offsetof(SharedMemory, name), sizeof(SharedMemory::name), sizeof(element) }

const simulator::SharedField fields[] = {
    FIELD(tiles, SharedMemory::tiles[0][0]),
    FIELD(exchange, u8),
    FIELD(query, u8),
    FIELD(seed_maxima, float),
    FIELD(full, Mbarrier),
    FIELD(seeded, Mbarrier),
    FIELD(walks, SegmentWalk),
    FIELD(requests, Requests),
    FIELD(shares, Partition),
    FIELD(launch, u32),
    FIELD(last_head, OpenHead),
    FIELD(first_head, OpenHead),
    FIELD(first_segment, Segment),
    FIELD(last_slices, u32),
    FIELD(first_slices, u32),
};

}  // namespace

extern "C" __attribute__((visibility("default"))) int simulator_run(const SimulatorLaunch* launch,
                                                                    SimulatorReport* report) {
    return simulator::run({THREADS, sizeof(DecodeArguments), fields, MAPS, enter}, *launch, *report);
}

extern "C" __attribute__((visibility("default"))) void simulator_describe(SimulatorDescription* description) {
    *description = {
        SIMULATOR_ABI_VERSION, THREADS, sizeof(SharedMemory), sizeof(DecodeArguments), 0, 0, BOX_TOKENS, BOX_TOKENS};
}
