// Allocation of tensor memory (PTX ISA 9.7.16.7), its loads and stores (9.7.16.8), and the fences between threads
// (9.7.16.11). Loads and stores are asynchronous and ordered with nothing before their warp has waited for them:
// whoever touches what they use without that order is in error, so that values may be moved at issue.
#include "tensor_memory.h"

#include <cstring>

#include "../include/instructions.h"
#include "registers.h"

namespace simulator {

namespace {

std::string describe_cell(u32 quarter, u32 column) {
    char text[96];
    std::snprintf(text, sizeof text, "tensor memory column %u, lanes %u to %u", column, 32 * quarter,
                  32 * quarter + 31);
    return text;
}

std::string describe_access(u32 agent) {
    constexpr const char* kinds[] = {"a tcgen05.ld", "a tcgen05.st or tcgen05.alloc", "a tcgen05.mma"};
    return std::string(kinds[agent / MAX_WARPS]) + " of warp " + std::to_string(agent % MAX_WARPS);
}

constexpr const char* MISSING_ORDER = "no wait, or no fence::before_thread_sync, barrier and fence::after_thread_sync";

TensorClock ordered_for_all(const Thread* lanes) {
    TensorClock known = lanes[0].ordered;
    for (u32 lane = 1; lane < 32; ++lane) {
        known.meet(lanes[lane].ordered);
    }
    return known;
}

// The allocating instruction is synchronous (9.7.16.6.1): its warp goes on in order, and others need no fence::before.
void release_at_once(Thread* lanes, u32 agent, u32 time) {
    for (u32 lane = 0; lane < 32; ++lane) {
        lanes[lane].ordered.at[agent] = time;
        lanes[lane].knows.tensor.at[agent] = time;
    }
}

void require_allocator(TensorMemory& tensor, u32 warp, const char* action) {
    if (tensor.allocator == NOBODY) {
        tensor.allocator = warp;
    }
    if (tensor.allocator != warp) {
        fail(SIMULATOR_TENSOR_MEMORY, "%s by warp %u: one warp allocates and releases (9.7.16.7.1), here warp %u",
             action, warp, tensor.allocator);
    }
}

void allocate(Cta& cta, u32 warp) {
    TensorMemory& tensor = cta.tensor;
    Thread* lanes = &cta.threads[warp * 32];
    u32 columns = lanes[0].operand;
    require_allocator(tensor, warp, "tcgen05.alloc");
    if (columns < 32 || columns > TENSOR_COLUMNS || (columns & (columns - 1)) != 0) {
        fail(SIMULATOR_TENSOR_MEMORY, "tcgen05.alloc of %u columns: a power of two from 32 to 512 is wanted", columns);
    }
    if (tensor.relinquished) {
        fail(SIMULATOR_TENSOR_MEMORY, "tcgen05.alloc after tcgen05.relinquish_alloc_permit");
    }
    if (tensor.latest_columns != 0 && columns > tensor.latest_columns) {
        fail(SIMULATOR_TENSOR_MEMORY, "tcgen05.alloc of %u columns after one of %u: allocations must not grow", columns,
             tensor.latest_columns);
    }
    tensor.latest_columns = columns;
    if (tensor.cells.empty()) {
        tensor.cells.resize(QUARTERS * TENSOR_COLUMNS);
        tensor.values.resize(TENSOR_LANES * TENSOR_COLUMNS);
    }
    // Anywhere: nothing says where.
    std::vector<u32> places;
    for (u32 column = 0; column + columns <= TENSOR_COLUMNS; column += 32) {
        bool free = true;
        for (u32 i = 0; i < columns; ++i) {
            free = free && !tensor_cell(0, column + i).allocated;
        }
        if (free) {
            places.push_back(column);
        }
    }
    if (places.empty()) {
        fail(SIMULATOR_TENSOR_MEMORY, "tcgen05.alloc of %u columns waits for ever: the CTA itself holds too many",
             columns);
    }
    u32 first = places[draw(places.size())];
    u32 time = ++tensor.warps[warp].stores;
    tensor.warps[warp].stores_awaited = time;
    for (u32 column = first; column < first + columns; ++column) {
        for (u32 quarter = 0; quarter < QUARTERS; ++quarter) {
            TensorCell& cell = tensor_cell(quarter, column);
            cell = {};
            cell.site = lanes[0].site;
            cell.writer = TENSOR_STORES + warp;
            cell.written_at = time;
            cell.allocated = true;
        }
        for (u32 lane = 0; lane < TENSOR_LANES; ++lane) {
            std::memcpy(tensor_row(lane, column), &POISON, 4);
        }
    }
    tensor.allocations.push_back({first, columns});
    release_at_once(lanes, TENSOR_STORES + warp, time);
    u32 offset = shared_offset(lanes[0].pointers[0], 4, 4, "tcgen05.alloc's destination");
    generic_write(lanes[0], offset, 4);
    std::memcpy(shared_memory() + offset, &first, 4);
}

void release(Cta& cta, u32 warp) {
    TensorMemory& tensor = cta.tensor;
    Thread* lanes = &cta.threads[warp * 32];
    u32 columns = lanes[0].operand;
    auto address = static_cast<u32>(lanes[0].operands[0]);
    require_allocator(tensor, warp, "tcgen05.dealloc");
    auto found = std::find_if(
        tensor.allocations.begin(), tensor.allocations.end(),
        [&](const TensorAllocation& candidate) { return candidate.column == address && candidate.columns == columns; });
    if (found == tensor.allocations.end()) {
        fail(SIMULATOR_TENSOR_MEMORY, "tcgen05.dealloc of %u columns at 0x%x, which were not allocated so", columns,
             address);
    }
    TensorClock known = ordered_for_all(lanes);
    for (u32 column = address; column < address + columns; ++column) {
        for (u32 quarter = 0; quarter < QUARTERS; ++quarter) {
            require_written_before(known, quarter, column, "tcgen05.dealloc releases");
            require_read_before(known, quarter, column, "tcgen05.dealloc releases");
            tensor_cell(quarter, column).allocated = false;
        }
    }
    tensor.allocations.erase(found);
}

// Shape 32x32b (9.7.16.2.3.1.1): register i of lane t is column i of the warp's t-th lane.
u32 require_columns(u32 warp, u32 address, u32 columns, const char* action) {
    u32 quarter = warp % QUARTERS;
    if (tensor_lane(address) != 32 * quarter) {
        fail(SIMULATOR_TENSOR_MEMORY, "%s lane %u, but warp %u reaches lanes %u to %u, from the first on (9.7.16.8.1)",
             action, tensor_lane(address), warp, 32 * quarter, 32 * quarter + 31);
    }
    require_allocated(address, columns, action);
    return quarter;
}

void require_registers(Thread& thread, const void* registers, u32 count) {
    u32* shadow = shadow_of(thread, registers);
    if (shadow == nullptr || reinterpret_cast<u64>(registers) % 4 != 0) {
        fail(SIMULATOR_IN_FLIGHT, "registers of a tcgen05.ld or tcgen05.st are not local to thread %u", thread.index);
    }
    for (u32 i = 0; i < count; ++i) {
        if (shadow[i] & LOAD_IN_FLIGHT) {
            fail(SIMULATOR_IN_FLIGHT, "registers of a tcgen05.ld or tcgen05.st are those of a tcgen05.ld in flight");
        }
    }
}

void load(Cta& cta, u32 warp) {
    TensorWarp& state = cta.tensor.warps[warp];
    Thread* lanes = &cta.threads[warp * 32];
    u32 columns = lanes[0].operand;
    auto address = static_cast<u32>(lanes[0].operands[0]);
    u32 quarter = require_columns(warp, address, columns, "tcgen05.ld reads");
    TensorClock known = ordered_for_all(lanes);
    ++state.loads;
    for (u32 i = 0; i < columns; ++i) {
        u32 column = tensor_column(address) + i;
        require_written_before(known, quarter, column, "tcgen05.ld reads");
        require_contents(quarter, column, "tcgen05.ld reads");
        tensor_cell(quarter, column).loads[warp / QUARTERS] = state.loads;
    }
    TensorLoad pending;
    pending.values.resize(32 * columns);
    for (u32 lane = 0; lane < 32; ++lane) {
        auto* registers = static_cast<float*>(lanes[lane].pointers[0]);
        require_registers(lanes[lane], registers, columns);
        pending.registers[lane] = registers;
        std::memcpy(&pending.values[lane * columns], tensor_row(32 * quarter + lane, tensor_column(address)),
                    4 * columns);
        for (u32 i = 0; i < columns; ++i) {
            std::memcpy(&registers[i], &POISON, 4);
        }
        lock(lanes[lane], registers, columns, LOAD_IN_FLIGHT);
    }
    state.pending.push_back(std::move(pending));
    counters().tensor_loaded_bytes += 32 * 4 * columns;
}

void store(Cta& cta, u32 warp) {
    TensorWarp& state = cta.tensor.warps[warp];
    Thread* lanes = &cta.threads[warp * 32];
    u32 columns = lanes[0].operand;
    auto address = static_cast<u32>(lanes[0].operands[0]);
    u32 quarter = require_columns(warp, address, columns, "tcgen05.st writes");
    TensorClock known = ordered_for_all(lanes);
    ++state.stores;
    for (u32 i = 0; i < columns; ++i) {
        u32 column = tensor_column(address) + i;
        require_written_before(known, quarter, column, "tcgen05.st writes");
        require_read_before(known, quarter, column, "tcgen05.st writes");
        TensorCell& cell = tensor_cell(quarter, column);
        cell.site = lanes[0].site;
        cell.writer = TENSOR_STORES + warp;
        cell.written_at = state.stores;
        cell.accumulators = 0;
        cell.written = true;
    }
    for (u32 lane = 0; lane < 32; ++lane) {
        require_registers(lanes[lane], lanes[lane].pointers[0], columns);
        std::memcpy(tensor_row(32 * quarter + lane, tensor_column(address)), lanes[lane].pointers[0], 4 * columns);
    }
    counters().tensor_stored_bytes += 32 * 4 * columns;
}

void wait_for_loads(Cta& cta, u32 warp) {
    TensorWarp& state = cta.tensor.warps[warp];
    Thread* lanes = &cta.threads[warp * 32];
    for (const TensorLoad& load : state.pending) {
        u32 columns = static_cast<u32>(load.values.size() / 32);
        for (u32 lane = 0; lane < 32; ++lane) {
            std::memcpy(load.registers[lane], &load.values[lane * columns], 4 * columns);
            unlock(lanes[lane], load.registers[lane], columns, LOAD_IN_FLIGHT);
        }
    }
    state.pending.clear();
    for (u32 lane = 0; lane < 32; ++lane) {
        lanes[lane].ordered.at[TENSOR_LOADS + warp] = state.loads;
    }
}

void wait_for_stores(Cta& cta, u32 warp) {
    TensorWarp& state = cta.tensor.warps[warp];
    state.stores_awaited = state.stores;
    for (u32 lane = 0; lane < 32; ++lane) {
        cta.threads[warp * 32 + lane].ordered.at[TENSOR_STORES + warp] = state.stores;
    }
}

}  // namespace

void require_allocated(u32 address, u32 columns, const char* action) {
    u32 column = tensor_column(address);
    for (const TensorAllocation& allocation : current_cta->tensor.allocations) {
        if (column >= allocation.column && column + columns <= allocation.column + allocation.columns) {
            return;
        }
    }
    fail(SIMULATOR_TENSOR_MEMORY, "%s %u columns from column %u, which lie in no allocation", action, columns, column);
}

void require_written_before(const TensorClock& known, u32 quarter, u32 column, const char* action) {
    const TensorCell& cell = tensor_cell(quarter, column);
    if (known.at[cell.writer] < cell.written_at) {
        fail(SIMULATOR_NOT_VISIBLE, "%s %s, written by %s at %s: %s comes in between", action,
             describe_cell(quarter, column).c_str(), describe_access(cell.writer).c_str(),
             describe_site(cell.site).c_str(), MISSING_ORDER);
    }
}

void require_read_before(const TensorClock& known, u32 quarter, u32 column, const char* action) {
    const TensorCell& cell = tensor_cell(quarter, column);
    u32 reader = TENSOR_AGENTS;
    for (u32 i = 0; i < 4; ++i) {
        u32 warp = 4 * i + quarter;
        reader = cell.loads[i] > known.at[TENSOR_LOADS + warp] ? TENSOR_LOADS + warp : reader;
    }
    for (u32 warp = 0; warp < MAX_WARPS; ++warp) {
        reader = cell.products[warp] > known.at[TENSOR_PRODUCTS + warp] ? TENSOR_PRODUCTS + warp : reader;
    }
    if (reader != TENSOR_AGENTS) {
        fail(SIMULATOR_OVERWRITE, "%s %s, which %s may still read: %s comes in between", action,
             describe_cell(quarter, column).c_str(), describe_access(reader).c_str(), MISSING_ORDER);
    }
}

void require_contents(u32 quarter, u32 column, const char* action) {
    if (!tensor_cell(quarter, column).written) {
        fail(SIMULATOR_NOT_VISIBLE, "%s %s, which nobody has written", action, describe_cell(quarter, column).c_str());
    }
}

void finish_tensor_collective(Cta& cta, u32 warp, Collective kind) {
    switch (kind) {
        case Collective::TensorAllocate:
            allocate(cta, warp);
            break;
        case Collective::TensorRelinquish:
            cta.tensor.relinquished = true;
            break;
        case Collective::TensorRelease:
            release(cta, warp);
            break;
        case Collective::TensorLoad:
            load(cta, warp);
            break;
        case Collective::TensorStore:
            store(cta, warp);
            break;
        case Collective::TensorWaitLoads:
            wait_for_loads(cta, warp);
            break;
        default:
            wait_for_stores(cta, warp);
    }
}

namespace {

void gather_access(Thread& thread, Collective kind, u32 columns, u64 address, const void* registers) {
    thread.operand = columns;
    thread.operands[0] = address;
    thread.operands[1] = 0;
    thread.pointers[0] = const_cast<void*>(registers);
    gather_warp(thread, kind);
}

}  // namespace

void tensor_allocate(int columns, Word* address) {
    Thread& thread = enter(__builtin_return_address(0));
    gather_access(thread, Collective::TensorAllocate, static_cast<u32>(columns), reinterpret_cast<u64>(address),
                  address);
}

void tensor_relinquish() {
    gather_access(enter(__builtin_return_address(0)), Collective::TensorRelinquish, 0, 0, nullptr);
}

void tensor_release(int columns, Word address) {
    gather_access(enter(__builtin_return_address(0)), Collective::TensorRelease, static_cast<u32>(columns), address,
                  nullptr);
}

void tensor_load(int columns, float* values, Word address) {
    gather_access(enter(__builtin_return_address(0)), Collective::TensorLoad, static_cast<u32>(columns), address,
                  values);
}

void tensor_store(int columns, Word address, const void* values) {
    gather_access(enter(__builtin_return_address(0)), Collective::TensorStore, static_cast<u32>(columns), address,
                  values);
}

void tensor_wait_loads() {
    gather_access(enter(__builtin_return_address(0)), Collective::TensorWaitLoads, 0, 0, nullptr);
}

void tensor_wait_stores() {
    gather_access(enter(__builtin_return_address(0)), Collective::TensorWaitStores, 0, 0, nullptr);
}

void tensor_fence_before_sync() {
    Thread& thread = enter(__builtin_return_address(0));
    thread.knows.tensor.join(thread.ordered);
}

void tensor_fence_after_sync() {
    Thread& thread = enter(__builtin_return_address(0));
    thread.ordered.join(thread.tensor_acquired);
}

}  // namespace simulator
