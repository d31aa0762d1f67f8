// Warpgroup matrix products (PTX ISA 9.7.15). A product's operands are read when it is executed, at some moment between
// issue and the wait that covers it; until then its accumulators are poison.
#include "../include/instructions.h"
#include "operands.h"
#include "registers.h"

namespace simulator {

namespace {

constexpr u32 ROWS = 64;

// 9.7.15.5.1.2.2.
SharedOperand decode(u64 bits) {
    constexpr u32 swizzle_bytes[] = {16, 128, 64, 32};
    return {static_cast<u32>((bits & 0x3FFF) << 4), static_cast<u32>((bits >> 16 & 0x3FFF) << 4),
            static_cast<u32>((bits >> 32 & 0x3FFF) << 4), static_cast<u32>(bits >> 49 & 7), swizzle_bytes[bits >> 62]};
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

// Takes a thread's accumulators, which from now on are in flight.
void take_accumulators(Accumulators& d, Thread* threads, u32 t) {
    float* registers = d.registers[t];
    require_fenced(threads[t], registers, d.columns / 2, "accumulators");
    u32* shadow = shadow_of(threads[t], registers);
    for (u32 i = 0; i < d.columns / 2; ++i) {
        d.values[row_of(t, i) * d.columns + column_of(t, i)] = registers[i];
        std::memcpy(&registers[i], &POISON, 4);
        if (shadow[i] & FRAGMENT_IN_FLIGHT) {
            fail(SIMULATOR_IN_FLIGHT, "accumulators of a wgmma are a fragment of A of another one in flight");
        }
        shadow[i] |= ACCUMULATOR_IN_FLIGHT;
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
        // A warp that has waited for the last product may have changed its part: wait_group is each warp's own.
        for (u32 t = 0; t < 128; ++t) {
            if (candidate->warps_done >> t / 32 & 1) {
                take_accumulators(*candidate, threads, t);
            }
        }
        candidate->warps_done = 0;
        return *candidate;
    }
    auto created = std::make_unique<Accumulators>();
    created->columns = columns;
    created->warps_done = 0;
    created->site = current_thread->site;
    created->values.resize(ROWS * columns);
    for (u32 t = 0; t < 128; ++t) {
        created->registers[t] = static_cast<float*>(threads[t].pointers[0]);
        take_accumulators(*created, threads, t);
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
    SharedOperand a = decode(threads[0].operands[0]);
    SharedOperand b = decode(threads[0].operands[1]);
    Knowledge known = threads[0].knows;
    for (u32 t = 1; t < 128; ++t) {
        known.meet(threads[t].knows);
    }
    u32 index = group.committed[0] + 1;
    u32 first_warp = 4 * warpgroup;
    if (!register_a) {
        require_operand(a, true, ROWS, "A");
        visit_units(a, true, ROWS, [&](u32 offset, u32 row, u32) {
            check_async_read(known, offset, 16, "wgmma reads A");
            mark_async_read(offset, 16, first_warp + row / 16, index);
        });
    }
    bool k_major = !register_a;  // as the layer's contract says: shared_shared takes B K-major, register_shared N-major
    require_operand(b, k_major, columns, "B");
    visit_units(b, k_major, columns, [&](u32 offset, u32, u32) {
        check_async_read(known, offset, 16, "wgmma reads B");
        for (u32 w = 0; w < 4; ++w) {
            mark_async_read(offset, 16, first_warp + w, index);
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

void execute_product(Warpgroup& group, Product& wanted) {
    if (wanted.executed) {
        return;
    }
    alignas(64) float a[ROWS][DEPTH];
    alignas(64) float b[DEPTH][MOST_COLUMNS];
    for (Product& product : group.products) {  // in order of issue
        if (!product.executed) {
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
                load_operand(decode(product.a), true, ROWS, product.bfloat16,
                             [&](u32 row, u32 k, float value) { a[row][k] = value; });
            }
            load_operand(decode(product.b), !product.register_a, product.columns, product.bfloat16,
                         [&](u32 column, u32 k, float value) { b[k][column] = value; });
            multiply(a, b, ROWS, product.columns, product.accumulate, product.d->values.data(), product.columns);
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
