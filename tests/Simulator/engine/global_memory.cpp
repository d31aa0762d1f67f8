// Order of accesses to writable global memory: a plain access must come after whoever wrote the byte before. Within a
// CTA what a thread knows says so. From another CTA it follows from a fence of a thread that knows of the write, an
// atomic operation of that thread, one by another thread on the same word later, and a fence by that thread or one that
// has synchronized with it since; whoever synchronizes with the fence's thread then knows of the write (PTX ISA 8.8,
// release and acquire patterns; 8.9.5, causality is transitive).
#include <algorithm>
#include <map>

#include "../include/instructions.h"
#include "cta.h"

namespace simulator {

namespace {

// Who wrote a byte last: time, CTA and thread, or that it is accessed atomically, by everybody at any time.
struct ByteShadow {
    u32 time;
    u32 writer;
};

constexpr u32 UNWRITTEN = 0;
constexpr u32 ATOMIC = ~0u;

std::vector<std::unique_ptr<ByteShadow[], void (*)(void*)>> shadows;  // by range; null until it is first accessed
std::map<u64, std::vector<std::shared_ptr<const Release>>> released;  // by word

u32 name_of(const Thread& thread) { return (thread.cta->index << 10 | thread.index) + 1; }

// Whether what the thread did at this time happened before the release. What a release has acquired it hands on:
// causality is transitive (PTX ISA 8.9.5).
bool is_known(const Release& release, u32 cta, u32 index, u32 time) {
    return (release.cta == cta && release.happened.at[index] >= time) ||
           std::ranges::any_of(release.acquired,
                               [&](const auto& acquired) { return is_known(*acquired, cta, index, time); });
}

bool happened_before(const Observation& observation, const Thread& thread) {
    return thread.knows.happened.at[observation.thread] >= observation.time;
}

bool is_known(const Thread& thread, u32 writer, u32 time) {
    u32 cta = (writer - 1) >> 10;
    u32 index = (writer - 1) & 1023;
    if (cta == thread.cta->index) {
        return thread.knows.happened.at[index] >= time;
    }
    return std::ranges::any_of(thread.cta->acquired, [&](const Observation& acquired) {
        return happened_before(acquired, thread) && is_known(*acquired.release, cta, index, time);
    });
}

ByteShadow* shadow_of(u32 range, u64 offset) {
    auto& shadow = shadows[range];
    if (shadow == nullptr) {
        u64 bytes = launch.description->ranges[range].bytes;
        shadow = {static_cast<ByteShadow*>(std::calloc(bytes, sizeof(ByteShadow))), std::free};
        if (shadow == nullptr) {
            fail(SIMULATOR_BAD_LAUNCH, "no memory to follow %llu bytes of global memory",
                 static_cast<unsigned long long>(bytes));
        }
    }
    return shadow.get() + offset;
}

}  // namespace

void reset_global() {
    shadows.clear();
    for (u32 i = 0; i < launch.description->range_count; ++i) {
        shadows.emplace_back(nullptr, std::free);
    }
    released.clear();
}

void order_global(Thread& thread, u32 range, u64 offset, u32 bytes, bool write) {
    ByteShadow* shadow = shadow_of(range, offset);
    u32 self = name_of(thread);
    for (u32 i = 0; i < bytes; ++i) {
        if (shadow[i].writer == ATOMIC) {
            continue;
        }
        if (shadow[i].writer != UNWRITTEN && shadow[i].writer != self &&
            !is_known(thread, shadow[i].writer, shadow[i].time)) {
            fail(SIMULATOR_GLOBAL_MEMORY,
                 "%s byte 0x%llx of %s, which thread %u of CTA %u has written and may still be writing: no barrier, or "
                 "fences and an atomic operation between CTAs, orders the two",
                 write ? "writes" : "reads", static_cast<unsigned long long>(offset + i),
                 launch.description->ranges[range].name, (shadow[i].writer - 1) & 1023, (shadow[i].writer - 1) >> 10);
        }
        if (write) {
            shadow[i] = {thread.now(), self};
        }
    }
}

void order_atomic(Thread& thread, u32 range, u64 offset, u32 bytes) {
    ByteShadow* shadow = shadow_of(range, offset);
    for (u32 i = 0; i < bytes; ++i) {
        shadow[i].writer = ATOMIC;
    }
    std::vector<std::shared_ptr<const Release>>& releases = released[launch.description->ranges[range].base + offset];
    for (const auto& release : releases) {
        if (release->cta != thread.cta->index) {
            thread.cta->observed.push_back({thread.index, thread.now(), release});
        }
    }
    if (thread.published != nullptr) {
        releases.push_back(thread.published);
    }
}

void fence_global() {
    Thread& thread = enter(__builtin_return_address(0));
    auto release = std::make_shared<Release>();
    release->cta = thread.cta->index;
    release->happened = thread.knows.happened;
    for (const Observation& acquired : thread.cta->acquired) {
        if (happened_before(acquired, thread)) {
            release->acquired.push_back(acquired.release);
        }
    }
    thread.published = std::move(release);
    ++thread.now();  // what comes now is not fenced
    for (const Observation& observation : thread.cta->observed) {
        if (happened_before(observation, thread)) {
            thread.cta->acquired.push_back({thread.index, thread.now(), observation.release});
        }
    }
}

void grid_wait() { enter(__builtin_return_address(0)).waited_for_grid = true; }

void require_grid_waited(const Thread& thread, const char* access) {
    if (launch.description->overlapping != 0 && !thread.waited_for_grid) {
        fail(SIMULATOR_GLOBAL_MEMORY,
             "%s global memory before griddepcontrol.wait, while the kernel before it may still be using it", access);
    }
}

}  // namespace simulator
