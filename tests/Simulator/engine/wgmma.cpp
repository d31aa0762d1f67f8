// Warpgroup matrix products (PTX ISA 9.7.15). A product's operands are read when it is executed, at some moment between
// issue and the wait that covers it; until then its accumulators are poison.
#include <cstring>

#include "../include/instructions.h"
#include "registers.h"

namespace simulator {

namespace {

constexpr u32 ROWS = 64;
constexpr u32 DEPTH = 16;  // of one product, in 2-byte elements

// 9.7.15.5.1.2.2.
struct Descriptor {
    u32 start;  // shared address
    u32 leading_bytes;
    u32 stride_bytes;
    u32 base_offset;
    u32 swizzle_bytes;  // 16: none

    explicit Descriptor(u64 bits)
        : start((bits & 0x3FFF) << 4),
          leading_bytes((bits >> 16 & 0x3FFF) << 4),
          stride_bytes((bits >> 32 & 0x3FFF) << 4),
          base_offset(bits >> 49 & 7) {
        constexpr u32 modes[] = {16, 128, 64, 32};
        swizzle_bytes = modes[bits >> 62];
    }

    // Swizzle<b, 4, 3> of 9.7.15.5.1.2.1.3: 16-byte units xored with the number of the 128 bytes they lie in, counted
    // from where the pattern starts (base offset 0: at a multiple of 1,024 bytes).
    u32 swizzled(u32 address) const {
        u32 mask = swizzle_bytes / 16 - 1;
        return address ^ ((((address >> 7) - base_offset) & mask) << 4);
    }

    // Where the 16 bytes (8 elements) lie that hold row `row` of the non-contiguous, and unit `unit` of the contiguous
    // dimension, by the canonical layouts of 9.7.15.5.1.2.1.3.
    // K-major: rows along M or N, units along K. Rows in groups of 8, SBO apart, each swizzle_bytes wide.
    u32 k_major(u32 row, u32 unit) const {
        if (swizzle_bytes == 16) {
            return start + row % 8 * 16 + row / 8 * stride_bytes + unit * leading_bytes;
        }
        return swizzled(start + row % 8 * swizzle_bytes + row / 8 * stride_bytes + unit * 16);
    }

    // MN-major: rows along K, units along M or N.
    u32 mn_major(u32 row, u32 unit) const {
        u32 width = swizzle_bytes / 16;
        if (swizzle_bytes == 16) {
            return start + row % 8 * 16 + row / 8 * leading_bytes + unit * stride_bytes;
        }
        return swizzled(start + row % 8 * swizzle_bytes + row / 8 * stride_bytes + unit % width * 16 +
                        unit / width * leading_bytes);
    }
};

// Calls visit(offset in shared memory, row of the non-contiguous dimension, unit of the contiguous one).
template <typename Visit>
void visit_units(const Descriptor& descriptor, bool k_major, u32 extent, Visit visit) {
    u32 rows = k_major ? extent : DEPTH;
    u32 units = k_major ? DEPTH / 8 : extent / 8;
    for (u32 row = 0; row < rows; ++row) {
        for (u32 unit = 0; unit < units; ++unit) {
            u32 address = k_major ? descriptor.k_major(row, unit) : descriptor.mn_major(row, unit);
            visit(address - SHARED_WINDOW_BASE, row, unit);
        }
    }
}

void require_operand(const Descriptor& d, bool k_major, u32 extent, const char* operand) {
    if (k_major && d.swizzle_bytes != 16 && d.start % d.swizzle_bytes + DEPTH * 2 > d.swizzle_bytes) {
        fail(SIMULATOR_DESCRIPTOR, "%s starts at 0x%x: its 32 bytes of K cross the end of a swizzled row of %u bytes",
             operand, d.start, d.swizzle_bytes);
    }
    visit_units(d, k_major, extent, [&](u32 offset, u32, u32) {
        if (offset + 16 > launch.description->shared_bytes) {
            fail(SIMULATOR_SHARED_MEMORY, "%s reads shared address 0x%x, outside of the CTA's %u bytes", operand,
                 offset + SHARED_WINDOW_BASE, launch.description->shared_bytes);
        }
    });
}

const float* float16_values() {
    static const std::vector<float> values = [] {
        std::vector<float> table(65536);
        for (u32 bits = 0; bits < 65536; ++bits) {
            u32 exponent = bits >> 10 & 31;
            u32 fraction = bits & 1023;
            float value = exponent == 0 ? __builtin_ldexpf(static_cast<float>(fraction), -24)
                          : exponent == 31
                              ? (fraction ? __builtin_nanf("") : __builtin_inff())
                              : __builtin_ldexpf(static_cast<float>(1024 + fraction), static_cast<int>(exponent) - 25);
            table[bits] = bits >> 15 ? -value : value;
        }
        return table;
    }();
    return values.data();
}

}  // namespace

float element_value(bool bfloat16, u32 bits) {
    if (bfloat16) {
        u32 word = bits << 16;
        float value;
        std::memcpy(&value, &word, 4);
        return value;
    }
    return float16_values()[bits];
}

namespace {

// Element d[i] of thread t (9.7.15.5.1.1.1, figure of D).
u32 row_of(u32 thread, u32 i) { return thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8; }
u32 column_of(u32 thread, u32 i) { return i / 4 * 8 + thread % 4 * 2 + i % 2; }

void lock(Thread& thread, const void* registers, u32 count, u32 flag) {
    u32* shadow = shadow_of(thread, registers);
    for (u32 i = 0; i < count; ++i) {
        shadow[i] |= flag;
    }
}

void unlock(Thread& thread, const void* registers, u32 count, u32 flag) {
    u32* shadow = shadow_of(thread, registers);
    for (u32 i = 0; i < count; ++i) {
        shadow[i] &= ~flag;
    }
}

// 9.7.15.7.1: between an access by the thread and a product that uses the register there must be a wgmma.fence.
void require_fenced(Thread& thread, const void* registers, u32 count, const char* what) {
    u32* shadow = shadow_of(thread, registers);
    if (shadow == nullptr || reinterpret_cast<u64>(registers) % 4 != 0) {
        fail(SIMULATOR_IN_FLIGHT, "%s of a wgmma are not local to thread %u", what, thread.index);
    }
    for (u32 i = 0; i < count; ++i) {
        if (shadow[i] & ACCUMULATOR_IN_FLIGHT) {
            fail(SIMULATOR_IN_FLIGHT, "%s of a wgmma are accumulators of another one in flight", what);
        }
        if ((shadow[i] & FENCE_COUNT) > thread.fences) {
            fail(SIMULATOR_IN_FLIGHT, "thread %u accessed %s of this wgmma since its last wgmma.fence", thread.index,
                 what);
        }
    }
}

Accumulators& accumulators_of(Warpgroup& group, Thread* threads, u32 columns) {
    for (auto& candidate : group.accumulators) {
        if (candidate->registers[0] != threads[0].pointers[0]) {
            continue;
        }
        for (u32 t = 0; t < 128; ++t) {
            if (candidate->registers[t] != threads[t].pointers[0] || candidate->columns != columns) {
                fail(SIMULATOR_IN_FLIGHT, "accumulators in flight are used by a product of another shape");
            }
        }
        if (candidate->warps_done != 0) {
            fail(SIMULATOR_COLLECTIVE,
                 "only some warps of the warpgroup have waited for the last product on these "
                 "accumulators");
        }
        return *candidate;
    }
    auto created = std::make_unique<Accumulators>();
    created->columns = columns;
    created->warps_done = 0;
    created->site = current_thread->site;
    created->values.resize(ROWS * columns);
    for (u32 t = 0; t < 128; ++t) {
        auto* registers = static_cast<float*>(threads[t].pointers[0]);
        require_fenced(threads[t], registers, columns / 2, "accumulators");
        created->registers[t] = registers;
        for (u32 i = 0; i < columns / 2; ++i) {
            created->values[row_of(t, i) * columns + column_of(t, i)] = registers[i];
            std::memcpy(&registers[i], &POISON, 4);
        }
        u32* shadow = shadow_of(threads[t], registers);
        for (u32 i = 0; i < columns / 2; ++i) {
            if (shadow[i] & FRAGMENT_IN_FLIGHT) {
                fail(SIMULATOR_IN_FLIGHT, "accumulators of a wgmma are a fragment of A of another one in flight");
            }
            shadow[i] |= ACCUMULATOR_IN_FLIGHT;
        }
    }
    group.accumulators.push_back(std::move(created));
    return *group.accumulators.back();
}

void issue(Cta& cta, u32 warpgroup, Collective kind) {
    Warpgroup& group = cta.warpgroups[warpgroup];
    Thread* threads = &cta.threads[128 * warpgroup];
    bool register_a = kind == Collective::RegisterShared;
    u32 bfloat16 = threads[0].operand & 1;
    u32 accumulate = threads[0].operand >> 1 & 1;
    u32 columns = threads[0].operand >> 2;
    for (u32 t = 0; t < 128; ++t) {
        if (!threads[t].fenced_once) {
            fail(SIMULATOR_IN_FLIGHT, "no wgmma.fence before thread %u's first wgmma", threads[t].index);
        }
    }
    for (u32 w = 1; w < 4; ++w) {
        if (group.committed[w] != group.committed[0]) {
            fail(SIMULATOR_COLLECTIVE, "the warps of the warpgroup have committed different numbers of groups");
        }
    }
    Descriptor a(threads[0].operands[0]);
    Descriptor b(threads[0].operands[1]);
    Knowledge known = threads[0].knows;
    for (u32 t = 1; t < 128; ++t) {
        known.meet(threads[t].knows);
    }
    u32 index = group.committed[0] + 1;
    u32 first_warp = 4 * warpgroup;
    if (!register_a) {
        require_operand(a, true, ROWS, "A");
        visit_units(a, true, ROWS, [&](u32 offset, u32 row, u32) {
            check_product_read(known, offset, 16, "A");
            mark_product_read(offset, 16, first_warp + row / 16, index);
        });
    }
    bool k_major = !register_a;  // as the layer's contract says: shared_shared takes B K-major, register_shared N-major
    require_operand(b, k_major, columns, "B");
    visit_units(b, k_major, columns, [&](u32 offset, u32, u32) {
        check_product_read(known, offset, 16, "B");
        for (u32 w = 0; w < 4; ++w) {
            mark_product_read(offset, 16, first_warp + w, index);
        }
    });
    Accumulators& d = accumulators_of(group, threads, columns);
    d.group = index;
    Product product{bfloat16 != 0,
                    register_a,
                    accumulate != 0,
                    false,
                    columns,
                    threads[0].operands[0],
                    threads[0].operands[1],
                    {},
                    &d,
                    index,
                    0};
    if (register_a) {
        for (u32 t = 0; t < 128; ++t) {
            require_fenced(threads[t], threads[t].pointers[1], 4, "A's registers");
            product.fragments[t] = static_cast<const u32*>(threads[t].pointers[1]);
            lock(threads[t], product.fragments[t], 4, FRAGMENT_IN_FLIGHT);
        }
    }
    SimulatorCounters& count = counters();
    if (!register_a && cta.product_issuer != warpgroup) {
        cta.product_issuer = warpgroup;
        ++count.product_turns;
    }
    u64 flops = 2ull * ROWS * DEPTH * columns;
    cta.flops += flops;
    (register_a ? count.register_shared_products : count.shared_shared_products) += 1;
    (register_a ? count.register_shared_flops : count.shared_shared_flops) += flops;
    for (u32 w = 0; w < 4; ++w) {
        ++group.uncommitted[w];
    }
    group.products.push_back(product);
    something_happened();
    if (launch.description->completion == SIMULATOR_COMPLETION_EARLIEST) {
        execute_product(group, group.products.back());
    }
}

// Ends the warp's part of all groups up to `completed`: the results appear in its accumulators.
void retire(Cta& cta, u32 warp, u32 completed) {
    Warpgroup& group = cta.warpgroups[warp / 4];
    Thread* threads = &cta.threads[warp / 4 * 128];
    u32 bit = 1u << warp % 4;
    u32 first = warp % 4 * 32;
    for (Product& product : group.products) {
        if (product.group <= completed) {
            execute_product(group, product);
        }
    }
    for (Product& product : group.products) {
        if (product.register_a && product.group <= completed) {
            for (u32 t = first; t < first + 32; ++t) {
                unlock(threads[t], product.fragments[t], 4, FRAGMENT_IN_FLIGHT);
            }
        }
        if (product.group <= completed) {
            product.warps_done |= bit;
        }
    }
    for (const Product& product : group.products) {
        if (product.register_a && !(product.warps_done & bit)) {
            for (u32 t = first; t < first + 32; ++t) {
                lock(threads[t], product.fragments[t], 4, FRAGMENT_IN_FLIGHT);
            }
        }
    }
    for (auto& d : group.accumulators) {
        if (d->group > completed || (d->warps_done & bit)) {
            continue;
        }
        for (u32 t = first; t < first + 32; ++t) {
            for (u32 i = 0; i < d->columns / 2; ++i) {
                d->registers[t][i] = d->values[row_of(t, i) * d->columns + column_of(t, i)];
            }
            unlock(threads[t], d->registers[t], d->columns / 2, ACCUMULATOR_IN_FLIGHT);
        }
        d->warps_done |= bit;
    }
    while (!group.products.empty() && group.products.front().warps_done == 15) {
        group.products.pop_front();
    }
    std::erase_if(group.accumulators, [](const auto& d) { return d->warps_done == 15; });
    for (u32 t = first; t < first + 32; ++t) {
        u32& seen = threads[t].knows.happened.at[PRODUCT_AGENTS + warp];
        seen = std::max(seen, completed);
    }
}

}  // namespace

// Products of 16-bit operands are exact in float32; they are added in order of k, each by one fused multiply-add.
// Hardware adds in an order and with a rounding of its own that no specification gives.
void execute_product(Warpgroup& group, Product& wanted) {
    if (wanted.executed) {
        return;
    }
    alignas(64) float a[ROWS][DEPTH];
    alignas(64) float b[DEPTH][256];
    for (Product& product : group.products) {  // in order of issue
        if (!product.executed) {
            const u8* shared = shared_memory();
            u32 columns = product.columns;
            auto load = [&](u32 offset, auto store) {
                u16 bits[8];
                std::memcpy(bits, shared + offset, 16);
                for (u32 e = 0; e < 8; ++e) {
                    store(e, element_value(product.bfloat16, bits[e]));
                }
            };
            if (product.register_a) {
                // 9.7.15.5.1.1.1, figure of A: register r of thread t holds columns 2·(t % 4) + 8·(r / 2) and the next,
                // of row 16·(t / 32) + t % 32 / 4 + 8·(r % 2).
                for (u32 t = 0; t < 128; ++t) {
                    for (u32 r = 0; r < 4; ++r) {
                        u32 row = t / 32 * 16 + t % 32 / 4 + r % 2 * 8;
                        u32 k = t % 4 * 2 + r / 2 * 8;
                        a[row][k] = element_value(product.bfloat16, product.fragments[t][r] & 0xFFFF);
                        a[row][k + 1] = element_value(product.bfloat16, product.fragments[t][r] >> 16);
                    }
                }
            } else {
                visit_units(Descriptor(product.a), true, ROWS, [&](u32 offset, u32 row, u32 unit) {
                    load(offset, [&](u32 e, float value) { a[row][8 * unit + e] = value; });
                });
            }
            visit_units(Descriptor(product.b), !product.register_a, columns, [&](u32 offset, u32 row, u32 unit) {
                if (product.register_a) {
                    load(offset, [&](u32 e, float value) { b[row][8 * unit + e] = value; });
                } else {
                    load(offset, [&](u32 e, float value) { b[8 * unit + e][row] = value; });
                }
            });
            for (u32 row = 0; row < ROWS; ++row) {
                float* d = &product.d->values[row * columns];
                if (!product.accumulate) {
                    std::fill_n(d, columns, 0.0f);
                }
                for (u32 block = 0; block < columns; block += 64) {
                    float sums[64];
                    std::memcpy(sums, d + block, sizeof sums);
                    for (u32 k = 0; k < DEPTH; ++k) {
                        for (u32 n = 0; n < 64; ++n) {
                            sums[n] = __builtin_fmaf(a[row][k], b[k][block + n], sums[n]);
                        }
                    }
                    std::memcpy(d + block, sums, sizeof sums);
                }
            }
            product.executed = true;
        }
        if (&product == &wanted) {
            return;
        }
    }
}

bool execute_pending_product(Cta& cta) {
    if (cta.threads.size() < 128) {
        return false;  // no warpgroup
    }
    u32 first = static_cast<u32>(draw(cta.threads.size() / 128));
    Warpgroup& group = cta.warpgroups[first];
    for (Product& product : group.products) {
        if (!product.executed) {
            execute_product(group, product);
            return true;
        }
    }
    return false;
}

void finish_warpgroup_collective(Cta& cta, u32 warpgroup, Collective kind) {
    if (kind == Collective::SharedShared || kind == Collective::RegisterShared) {
        issue(cta, warpgroup, kind);
    }
}

void finish_product_collective(Cta& cta, u32 warp, Collective kind) {
    Warpgroup& group = cta.warpgroups[warp / 4];
    u32 member = warp % 4;
    if (kind == Collective::Commit) {
        ++group.committed[member];
        group.uncommitted[member] = 0;
    } else if (kind == Collective::WaitGroup) {
        u32 pending = cta.threads[warp * 32].operand;
        if (group.committed[member] > pending) {
            retire(cta, warp, group.committed[member] - pending);
        }
    }
}

namespace {

void gather_bookkeeping(Thread& thread, Collective kind, u32 operand) {
    thread.operand = operand;
    thread.operands[0] = thread.operands[1] = 0;
    gather_warp(thread, kind);
}

}  // namespace

void wgmma_fence() {
    Thread& thread = enter(__builtin_return_address(0));
    gather_bookkeeping(thread, Collective::Fence, 0);
    ++thread.fences;
    thread.fenced_once = true;
}

void wgmma_commit() { gather_bookkeeping(enter(__builtin_return_address(0)), Collective::Commit, 0); }

void wgmma_wait(int pending) {
    gather_bookkeeping(enter(__builtin_return_address(0)), Collective::WaitGroup, static_cast<u32>(pending));
}

namespace {

void gather_product(Thread& thread, Collective kind, bool bfloat16, int columns, float* d, const Word* a_registers,
                    u64 a, u64 b, bool accumulate) {
    thread.operand = static_cast<u32>(columns) << 2 | accumulate << 1 | bfloat16;
    thread.operands[0] = a;
    thread.operands[1] = b;
    thread.pointers[0] = d;
    thread.pointers[1] = const_cast<Word*>(a_registers);
    gather_warpgroup(thread, kind);
}

}  // namespace

void wgmma_shared_shared(bool bfloat16, int columns, float* d, DoubleWord a, DoubleWord b, bool accumulate) {
    Thread& thread = enter(__builtin_return_address(0));
    gather_product(thread, Collective::SharedShared, bfloat16, columns, d, nullptr, a, b, accumulate);
}

void wgmma_register_shared(bool bfloat16, int columns, float* d, const Word* a, DoubleWord b) {
    Thread& thread = enter(__builtin_return_address(0));
    gather_product(thread, Collective::RegisterShared, bfloat16, columns, d, a, 0, b, true);
}

}  // namespace simulator
