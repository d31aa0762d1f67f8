// Every load and store of the kernel's own text comes here: the kernel is compiled with -fsanitize=thread, and these
// are the functions that GCC and clang call before each access, in place of libtsan's.
#include <link.h>

#include <cstring>

#include "registers.h"

namespace simulator {

namespace {

// The library's own constants and the launch's arguments are readable.
struct Module {
    u64 begin = ~0ull;
    u64 end = 0;
};

const Module& own_module() {
    static const Module module = [] {
        Module own;
        auto visit = [](dl_phdr_info* info, size_t, void* result) {
            Module candidate;
            for (int i = 0; i < info->dlpi_phnum; ++i) {
                if (info->dlpi_phdr[i].p_type == PT_LOAD) {
                    u64 begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
                    candidate.begin = std::min(candidate.begin, begin);
                    candidate.end = std::max(candidate.end, begin + info->dlpi_phdr[i].p_memsz);
                }
            }
            auto here = reinterpret_cast<u64>(&current_cta);
            if (here >= candidate.begin && here < candidate.end) {
                *static_cast<Module*>(result) = candidate;
                return 1;
            }
            return 0;
        };
        dl_iterate_phdr(visit, &own);
        return own;
    }();
    return module;
}

void touch_registers(Thread& thread, u8* address, u32 bytes, bool write) {
    u32* shadow = shadow_of(thread, address);
    for (u32 i = 0; i <= (reinterpret_cast<u64>(address) % 4 + bytes - 1) / 4; ++i) {
        u32 in_flight = shadow[i] & ~FENCE_COUNT;
        if (in_flight & ACCUMULATOR_IN_FLIGHT) {
            fail(SIMULATOR_IN_FLIGHT, "%s an accumulator of a wgmma in flight", write ? "writes" : "reads");
        }
        if (in_flight & LOAD_IN_FLIGHT) {
            fail(SIMULATOR_IN_FLIGHT, "%s a register that a tcgen05.ld in flight will write: it was not waited for",
                 write ? "writes" : "reads");
        }
        if (write && (in_flight & FRAGMENT_IN_FLIGHT)) {
            fail(SIMULATOR_IN_FLIGHT, "writes a register of A that a wgmma in flight may still read");
        }
        shadow[i] = in_flight | (thread.fences + 1);
    }
}

}  // namespace

void touch_global(u64 address, u32 bytes, GlobalAccess access) {
    bool write = access != GlobalAccess::Read;
    const Module& module = own_module();
    if (!write && address >= module.begin && address + bytes <= module.end) {
        return;
    }
    require_grid_waited(*current_thread, write ? "writes" : "reads");
    const SimulatorLaunch& description = *launch.description;
    for (u32 i = 0; i < description.range_count; ++i) {
        const SimulatorRange& range = description.ranges[i];
        if (address >= range.base && address + bytes <= range.base + range.bytes) {
            if (write && !range.writable) {
                fail(SIMULATOR_GLOBAL_MEMORY, "writes %u bytes of %s, which is for reading only", bytes, range.name);
            }
            if (access == GlobalAccess::Atomic) {
                order_atomic(i, address - range.base, bytes);
            } else if (range.writable) {
                order_global(*current_thread, i, address - range.base, bytes, write);
            }
            return;
        }
    }
    const SimulatorRange* nearest = nullptr;
    for (u32 i = 0; i < description.range_count; ++i) {
        if (description.ranges[i].base <= address &&
            (nearest == nullptr || description.ranges[i].base > nearest->base)) {
            nearest = &description.ranges[i];
        }
    }
    fail(SIMULATOR_GLOBAL_MEMORY, "%s %u bytes at 0x%llx, outside of the memory it was given%s%s%s",
         write ? "writes" : "reads", bytes, static_cast<unsigned long long>(address),
         nearest ? " (the range below is " : "", nearest ? nearest->name : "", nearest ? ")" : "");
}

namespace {

void touch(void* pointer, u32 bytes, bool write, bool aligned, Site site) {
    Thread* thread = current_thread;
    if (thread == nullptr) {
        return;  // an entry's static initialization
    }
    thread->site = site;
    if (++counters().steps > launch.step_limit) {
        fail(SIMULATOR_RUNAWAY, "more than %llu steps", static_cast<unsigned long long>(launch.step_limit));
    }
    auto* address = static_cast<u8*>(pointer);
    if (static_cast<size_t>(address - thread->stack) < STACK_BYTES) {
        touch_registers(*thread, address, bytes, write);
        return;
    }
    if (aligned && reinterpret_cast<u64>(address) % bytes != 0) {
        fail(SIMULATOR_GLOBAL_MEMORY, "access of %u bytes at %p is misaligned", bytes, pointer);
    }
    if (static_cast<size_t>(address - shared_memory()) < SHARED_LIMIT) {
        u32 offset = shared_offset(address, bytes, 1, write ? "a store" : "a load");
        write ? generic_write(*thread, offset, bytes) : generic_read(*thread, offset, bytes);
        return;
    }
    touch_global(reinterpret_cast<u64>(address), bytes, write ? GlobalAccess::Write : GlobalAccess::Read);
}

}  // namespace

}  // namespace simulator

#define ACCESS(bytes)                                                                                          \
    void __tsan_read##bytes(void* p) { simulator::touch(p, bytes, false, true, __builtin_return_address(0)); } \
    void __tsan_write##bytes(void* p) { simulator::touch(p, bytes, true, true, __builtin_return_address(0)); } \
    void __tsan_unaligned_read##bytes(void* p) {                                                               \
        simulator::touch(p, bytes, false, false, __builtin_return_address(0));                                 \
    }                                                                                                          \
    void __tsan_unaligned_write##bytes(void* p) {                                                              \
        simulator::touch(p, bytes, true, false, __builtin_return_address(0));                                  \
    }

extern "C" {
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __tsan_read_range(void* p, unsigned long bytes) {
    simulator::touch(p, static_cast<simulator::u32>(bytes), false, false, __builtin_return_address(0));
}

void __tsan_write_range(void* p, unsigned long bytes) {
    simulator::touch(p, static_cast<simulator::u32>(bytes), true, false, __builtin_return_address(0));
}

void __tsan_init() {}

void __tsan_func_entry(void*) {}

void __tsan_func_exit() {}
}
