// The entry of the self-test's kernels.
#include <cuda_host.h>

#include KERNEL_TEXT

#include <cstring>

#include "../engine/engine.h"

namespace {

#define LAUNCH_CODE __attribute__((no_sanitize("thread")))

LAUNCH_CODE void enter(const SimulatorLaunch& launch) {
    TestArguments arguments;
    std::memcpy(&arguments, launch.arguments, sizeof arguments);
    TensorMap map{};
    simulator::encode_map(launch.maps[0], map.opaque);
    test_kernel(map, arguments);
}

const simulator::SharedField fields[] = {{"full", offsetof(SharedMemory, full), sizeof(Mbarrier), sizeof(Mbarrier)}};

}  // namespace

extern "C" __attribute__((visibility("default"))) int simulator_run(const SimulatorLaunch* launch,
                                                                    SimulatorReport* report) {
    return simulator::run({THREADS, sizeof(TestArguments), fields, 1, enter}, *launch, *report);
}

extern "C" __attribute__((visibility("default"))) void simulator_describe(SimulatorDescription* description) {
    *description = {SIMULATOR_ABI_VERSION, THREADS, sizeof(SharedMemory), sizeof(TestArguments), 0, 0, 0, 0};
}
