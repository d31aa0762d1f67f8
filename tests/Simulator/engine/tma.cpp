// Tensor maps and the copies they describe (PTX ISA 5.5, 9.7.9.25.5; CUDA driver API, cuTensorMapEncodeTiled).
#include <cstring>

#include "../include/instructions.h"
#include "cta.h"

namespace simulator {

namespace {

constexpr unsigned long long MARK = 0x70614D726F736E54ull;

u32 box_bytes(const SimulatorTensorMap& map) {
    u32 bytes = map.element_bytes;
    for (u32 box : map.box) {
        bytes *= box;
    }
    return bytes;
}

u32 find(const void* pointer) {
    unsigned long long opaque[2];
    if (reinterpret_cast<u64>(pointer) % 64 != 0) {
        fail(SIMULATOR_DESCRIPTOR, "a tensor map at %p is not aligned to 64 bytes", pointer);
    }
    std::memcpy(opaque, pointer, sizeof opaque);
    u64 index = (opaque[1] - reinterpret_cast<u64>(launch.description->maps)) / sizeof(SimulatorTensorMap);
    if (opaque[0] != MARK || index >= SIMULATOR_MAPS) {
        fail(SIMULATOR_DESCRIPTOR, "what lies at %p is no tensor map", pointer);
    }
    return static_cast<u32>(index);
}

// Where a 16-byte unit bound for `address` lands: its place in 128 bytes is xored with the number of those 128 bytes,
// modulo 8, 4 or 2 by the mode (the tables of PTX ISA 5.5.7). The pattern is anchored to addresses, not to the box.
u32 swizzled(u32 address, u32 swizzle) {
    constexpr u32 masks[] = {0, 1, 3, 7};
    return address ^ ((address >> 7 & masks[swizzle]) << 4);
}

}  // namespace

void encode_map(const SimulatorTensorMap& map, unsigned long long (&opaque)[16]) {
    opaque[0] = MARK;
    opaque[1] = reinterpret_cast<u64>(&map);
}

// What cuTensorMapEncodeTiled refuses; null where it takes the map.
const char* refusal(const SimulatorTensorMap& map) {
    constexpr u32 swizzle_bytes[] = {0, 32, 64, 128};
    if (map.element_bytes != 2) return "elements must have 2 bytes";
    if (map.swizzle > SIMULATOR_SWIZZLE_128) return "unknown swizzle";
    if (map.base % 16 != 0) return "the base address is not a multiple of 16";
    if (map.byte_strides[0] != map.element_bytes) return "the innermost stride is not the element's size";
    for (int i = 0; i < 5; ++i) {
        if (map.extents[i] == 0 || map.extents[i] > 1ull << 32) return "an extent is 0 or above 2^32";
        if (map.box[i] == 0 || map.box[i] > 256) return "a box side is 0 or above 256";
        if (i > 0 && (map.byte_strides[i] % 16 != 0 || map.byte_strides[i] >= 1ull << 40)) {
            return "a stride is not a multiple of 16 bytes below 2^40";
        }
    }
    u32 inner = map.box[0] * map.element_bytes;
    if (inner % 16 != 0) return "the box's inner side is not a multiple of 16 bytes";
    // The driver also takes narrower sides; how they are padded is documented nowhere, so the simulator does not guess.
    if (map.swizzle != SIMULATOR_SWIZZLE_NONE && inner != swizzle_bytes[map.swizzle]) {
        return "the box's inner side is not as wide as the swizzle";
    }
    return nullptr;
}

void tma_prefetch(const void* map) {
    enter(__builtin_return_address(0));
    find(map);
}

void tma_load(void* destination, const void* map_pointer, void* barrier_address, const int (&coordinates)[5]) {
    Thread& thread = enter(__builtin_return_address(0));
    Cta& cta = *thread.cta;
    require_grid_waited(thread, "copies from");
    u32 map = find(map_pointer);
    u32 bytes = box_bytes(launch.description->maps[map]);
    u32 offset = shared_offset(destination, bytes, 128, "a copy's destination");
    u32 barrier_offset = shared_offset(barrier_address, 8, 8, "an mbarrier");
    u32 index = cta.words[barrier_offset / 4].mbarrier;
    if (index == 0) {
        fail(SIMULATOR_BARRIER, "copy on %s, which has not been initialized", describe_shared(barrier_offset).c_str());
    }
    Mbarrier& barrier = cta.mbarriers[--index];
    if (thread.knows.fenced.at[barrier.initializer] < barrier.initialized_at) {
        fail(SIMULATOR_PROXY, "copy on %s, whose initialization was not fenced for the async proxy",
             describe_shared(barrier_offset).c_str());
    }
    // The machine bears bytes that come before they are expected, as long as an arrival is pending; the contract of
    // tma_load_5d does not, since then only luck tells this phase from another.
    if (barrier.unclaimed_bytes < bytes) {
        fail(SIMULATOR_BARRIER, "a copy on %s, phase %u, of %lld bytes more than the phase has been told to expect",
             describe_shared(barrier_offset).c_str(), barrier.phase, bytes - barrier.unclaimed_bytes);
    }
    barrier.unclaimed_bytes -= bytes;
    // The CTA had more to load, so that it stood still before this counts.
    counters().least_bytes_in_flight = std::min<uint64_t>(counters().least_bytes_in_flight, cta.stalled_bytes);
    cta.stalled_bytes = ~0ull;
    begin_copy_write(thread, offset, bytes, static_cast<u16>(COPY_AGENTS + index), barrier.phase + 1);
    Copy copy{offset, bytes, map, {}, index, barrier.phase, thread.index, thread.site};
    std::memcpy(copy.coordinates, coordinates, sizeof copy.coordinates);
    cta.copies.push_back(copy);
    something_happened();
    if (launch.description->completion == SIMULATOR_COMPLETION_EARLIEST) {
        complete_copy(cta, cta.copies.size() - 1);
    }
}

void note_standstill(Cta& cta) {
    u64 bytes = 0;
    for (const Copy& copy : cta.copies) {
        bytes += copy.bytes;
    }
    cta.stalled_bytes = std::min(cta.stalled_bytes, bytes);
}

void complete_copy(Cta& cta, size_t at) {
    Copy copy = cta.copies[at];
    cta.copies.erase(cta.copies.begin() + static_cast<long>(at));
    const SimulatorTensorMap& map = launch.description->maps[copy.map];
    u32 inner_bytes = map.box[0] * map.element_bytes;
    u8* shared = shared_memory();
    u32 destination = copy.destination;
    u64 read = 0;
    for (u32 i4 = 0; i4 < map.box[4]; ++i4)
        for (u32 i3 = 0; i3 < map.box[3]; ++i3)
            for (u32 i2 = 0; i2 < map.box[2]; ++i2)
                for (u32 i1 = 0; i1 < map.box[1]; ++i1, destination += inner_bytes) {
                    const u32 place[5] = {0, i1, i2, i3, i4};
                    bool inside = true;
                    u64 source = map.base;
                    for (int d = 1; d < 5; ++d) {
                        long long c = static_cast<long long>(copy.coordinates[d]) + place[d];
                        inside = inside && c >= 0 && c < static_cast<long long>(map.extents[d]);
                        source += static_cast<u64>(c) * map.byte_strides[d];
                    }
                    for (u32 unit = 0; unit < inner_bytes; unit += 16) {
                        u8 data[16] = {};
                        for (u32 e = 0; inside && e < 16; e += map.element_bytes) {
                            long long c = copy.coordinates[0] + static_cast<long long>((unit + e) / map.element_bytes);
                            if (c < 0 || c >= static_cast<long long>(map.extents[0])) {
                                continue;  // out of bounds: zero (PTX ISA 5.5.3.3)
                            }
                            u64 address = source + static_cast<u64>(c) * map.element_bytes;
                            if (address < map.base || address + map.element_bytes > map.base + map.allowed_bytes) {
                                fail(SIMULATOR_GLOBAL_MEMORY,
                                     "a copy issued by thread %u at %s reads 0x%llx, outside of the tensor of map %u",
                                     copy.thread, describe_site(copy.site).c_str(),
                                     static_cast<unsigned long long>(address), copy.map);
                            }
                            std::memcpy(data + e, reinterpret_cast<const void*>(address), map.element_bytes);
                            read += map.element_bytes;
                        }
                        u32 to = swizzled(destination + unit, map.swizzle);
                        std::memcpy(shared + to, data, 16);
                    }
                }
    ++counters().copies[copy.map];
    counters().copied_bytes[copy.map] += copy.bytes;
    counters().tensor_bytes[copy.map] += read;
    complete_transaction(cta, copy.barrier, copy.bytes);
}

}  // namespace simulator
