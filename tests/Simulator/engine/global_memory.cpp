// Order of accesses to writable global memory: a plain access must come after whoever wrote the byte before, which
// within a CTA what a thread knows says. Between CTAs nothing orders them: what CTAs tell each other goes by atomic
// operations and by relaxed accesses, which are performed one by one, at any time after they were issued and in any
// order (PTX ISA 8.5, 8.9).
#include <cstring>
#include <map>

#include "../include/instructions.h"
#include "cta.h"

namespace simulator {

namespace {

// Who wrote a byte last: time, CTA and thread, or that it is accessed by everybody at any time.
struct ByteShadow {
    u32 time;
    u32 writer;
};

constexpr u32 UNWRITTEN = 0;
constexpr u32 SHARED_BY_ALL = ~0u;

// A relaxed store that has been issued and not performed; its own thread sees it.
struct PendingStore {
    DoubleWord value;
    u32 writer;
};

std::vector<std::unique_ptr<ByteShadow[], void (*)(void*)>> shadows;  // by range; null until it is first accessed
std::map<u64, PendingStore> pending;                                  // by address

u32 name_of(const Thread& thread) { return (thread.cta->index << 10 | thread.index) + 1; }

bool is_known(const Thread& thread, u32 writer, u32 time) {
    return (writer - 1) >> 10 == thread.cta->index && thread.knows.happened.at[(writer - 1) & 1023] >= time;
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

void perform(u64 address, DoubleWord value) { std::memcpy(reinterpret_cast<void*>(address), &value, sizeof value); }

void touch_relaxed(const void* words) {
    auto address = reinterpret_cast<u64>(words);
    if (address % 16 != 0) {
        fail(SIMULATOR_GLOBAL_MEMORY, "a relaxed access of two words at 0x%llx, which is not a multiple of 16",
             static_cast<unsigned long long>(address));
    }
    touch_global(address, 2 * sizeof(DoubleWord), GlobalAccess::Atomic);
}

}  // namespace

void reset_global() {
    shadows.clear();
    for (u32 i = 0; i < launch.description->range_count; ++i) {
        shadows.emplace_back(nullptr, std::free);
    }
    pending.clear();
}

void order_global(Thread& thread, u32 range, u64 offset, u32 bytes, bool write) {
    ByteShadow* shadow = shadow_of(range, offset);
    u32 self = name_of(thread);
    for (u32 i = 0; i < bytes; ++i) {
        if (shadow[i].writer == SHARED_BY_ALL) {
            continue;
        }
        if (shadow[i].writer != UNWRITTEN && shadow[i].writer != self &&
            !is_known(thread, shadow[i].writer, shadow[i].time)) {
            fail(SIMULATOR_GLOBAL_MEMORY,
                 "%s byte 0x%llx of %s, which thread %u of CTA %u has written and may still be writing: no barrier "
                 "orders the two",
                 write ? "writes" : "reads", static_cast<unsigned long long>(offset + i),
                 launch.description->ranges[range].name, (shadow[i].writer - 1) & 1023, (shadow[i].writer - 1) >> 10);
        }
        if (write) {
            shadow[i] = {thread.now(), self};
        }
    }
}

void order_atomic(u32 range, u64 offset, u32 bytes) {
    ByteShadow* shadow = shadow_of(range, offset);
    for (u32 i = 0; i < bytes; ++i) {
        shadow[i].writer = SHARED_BY_ALL;
    }
}

void perform_stores(bool all) {
    if (pending.empty()) {
        return;
    }
    // Mostly one, so that any word may be there without any other; sometimes many, so that it comes to an end.
    bool many = all || draw(16) == 0;
    u64 only = draw(pending.size());
    for (auto store = pending.begin(); store != pending.end();) {
        if (all || (many ? draw(2) == 0 : only-- == 0)) {
            perform(store->first, store->second.value);
            store = pending.erase(store);
        } else {
            ++store;
        }
    }
    something_happened();
}

void global_store(void* destination, DoubleWord first, DoubleWord second) {
    Thread& thread = enter(__builtin_return_address(0));
    touch_relaxed(destination);
    const DoubleWord words[] = {first, second};
    for (u32 i = 0; i < 2; ++i) {
        u64 address = reinterpret_cast<u64>(destination) + i * sizeof(DoubleWord);
        auto [store, is_new] = pending.try_emplace(address);
        if (!is_new) {
            perform(address, store->second.value);
        }
        store->second = {words[i], name_of(thread)};
    }
}

void global_load(const void* source, DoubleWord (&words)[2]) {
    Thread& thread = enter(__builtin_return_address(0));
    touch_relaxed(source);
    for (u32 i = 0; i < 2; ++i) {
        u64 address = reinterpret_cast<u64>(source) + i * sizeof(DoubleWord);
        auto store = pending.find(address);
        if (store != pending.end() && store->second.writer == name_of(thread)) {
            words[i] = store->second.value;
        } else {
            std::memcpy(&words[i], reinterpret_cast<const void*>(address), sizeof words[i]);
        }
    }
}

void pause() { poll(enter(__builtin_return_address(0))); }

void grid_wait() { enter(__builtin_return_address(0)).waited_for_grid = true; }

void require_grid_waited(const Thread& thread, const char* access) {
    if (launch.description->overlapping != 0 && !thread.waited_for_grid) {
        fail(SIMULATOR_GLOBAL_MEMORY,
             "%s global memory before griddepcontrol.wait, while the kernel before it may still be using it", access);
    }
}

}  // namespace simulator
