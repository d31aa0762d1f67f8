// What several threads do together: warp collectives, warpgroup collectives, named barriers, setmaxnreg.
#include "../include/instructions.h"
#include "cta.h"

namespace simulator {

namespace {

constexpr u32 FULL_MASK = 0xFFFFFFFFu;

bool operands_must_agree(Collective kind) {
    switch (kind) {
        case Collective::All:
        case Collective::Any:
        case Collective::Or:
        case Collective::LoadMatrix:
        case Collective::LoadMatrixTransposed:
        case Collective::MultiplyFloat16:
        case Collective::MultiplyBFloat16:
            return false;
        default:
            return true;
    }
}

void gather(Thread& thread, Collective kind, Gathering& gathering, u32 first, u32 size, Wait wait, const char* group) {
    Cta& cta = *thread.cta;
    if (gathering.arrived == 0) {
        gathering.kind = kind;
    } else {
        Thread* other = nullptr;
        for (u32 t = first; t < first + size && other == nullptr; ++t) {
            if (cta.threads[t].waits == wait) {
                other = &cta.threads[t];
            }
        }
        if (gathering.kind != kind) {
            fail(SIMULATOR_COLLECTIVE, "at %s while thread %u of the same %s is at %s (%s)", name_of(kind),
                 other->index, group, name_of(gathering.kind), describe_site(other->site).c_str());
        }
        if (operands_must_agree(kind) &&
            (other->operand != thread.operand || other->operands[0] != thread.operands[0] ||
             other->operands[1] != thread.operands[1])) {
            fail(SIMULATOR_COLLECTIVE, "%s with operands other than thread %u's of the same %s at %s", name_of(kind),
                 other->index, group, describe_site(other->site).c_str());
        }
    }
    for (u32 t = first; t < first + size; ++t) {
        if (cta.threads[t].exited) {
            fail(SIMULATOR_COLLECTIVE, "%s needs the whole %s, but thread %u has ended", name_of(kind), group, t);
        }
    }
    if (++gathering.arrived < size) {
        block(thread, wait);
        return;
    }
    gathering.arrived = 0;
    if (wait == Wait::Warp) {
        finish_warp_collective(cta, first / 32, kind);
    } else {
        finish_warpgroup_collective(cta, first / 128, kind);
    }
    for (u32 t = first; t < first + size; ++t) {
        if (&cta.threads[t] != &thread) {
            wake(cta.threads[t]);
        }
    }
}

Thread& warp_thread(Site site, Word mask) {
    Thread& thread = enter(site);
    if (mask != FULL_MASK) {
        fail(SIMULATOR_COLLECTIVE, "a warp collective with mask 0x%08x: only whole warps are simulated", mask);
    }
    thread.operands[0] = thread.operands[1] = 0;
    return thread;
}

void change_registers(Thread& thread, int count, Collective kind) {
    if (count < 24 || count > 256 || count % 8 != 0) {
        fail(SIMULATOR_REGISTERS, "setmaxnreg to %d: a multiple of 8 from 24 to 256 is wanted (PTX ISA 9.7.19.5)",
             count);
    }
    bool release = kind == Collective::ReleaseRegisters;
    if (release ? static_cast<u32>(count) > thread.registers : static_cast<u32>(count) < thread.registers) {
        fail(SIMULATOR_REGISTERS, "setmaxnreg.%s to %d registers, but the thread has %u", release ? "dec" : "inc",
             count, thread.registers);
    }
    thread.operand = static_cast<u32>(count);
    thread.operands[0] = thread.operands[1] = 0;
    gather_warpgroup(thread, kind);
    Cta& cta = *thread.cta;
    if (release) {
        cta.free_registers += thread.registers - static_cast<u32>(count);
        thread.registers = static_cast<u32>(count);
        std::vector<Thread*> claiming = std::move(cta.claiming);
        cta.claiming.clear();
        for (Thread* claimer : claiming) {
            wake(*claimer);
        }
        return;
    }
    while (cta.free_registers < static_cast<u32>(count) - thread.registers) {
        cta.claiming.push_back(&thread);
        block(thread, Wait::Registers, static_cast<u32>(count));
    }
    cta.free_registers -= static_cast<u32>(count) - thread.registers;
    thread.registers = static_cast<u32>(count);
}

}  // namespace

const char* name_of(Collective kind) {
    constexpr const char* names[] = {"none",
                                     "__syncwarp",
                                     "__shfl_sync",
                                     "__shfl_xor_sync",
                                     "__shfl_up_sync",
                                     "__all_sync",
                                     "__any_sync",
                                     "__reduce_or_sync",
                                     "ldmatrix",
                                     "ldmatrix.trans",
                                     "mma (float16)",
                                     "mma (bfloat16)",
                                     "setmaxnreg.dec",
                                     "setmaxnreg.inc",
                                     "wgmma.fence",
                                     "wgmma.commit_group",
                                     "wgmma.wait_group",
                                     "wgmma (A in shared memory)",
                                     "wgmma (A in registers)",
                                     "elect.sync",
                                     "tcgen05.alloc",
                                     "tcgen05.relinquish_alloc_permit",
                                     "tcgen05.dealloc",
                                     "tcgen05.ld",
                                     "tcgen05.st",
                                     "tcgen05.wait::ld",
                                     "tcgen05.wait::st"};
    return names[static_cast<u32>(kind)];
}

void gather_warp(Thread& thread, Collective kind) {
    u32 warp = thread.warp();
    gather(thread, kind, thread.cta->warps[warp], warp * 32, 32, Wait::Warp, "warp");
}

void gather_warpgroup(Thread& thread, Collective kind) {
    u32 group = thread.index / 128;
    if (128 * (group + 1) > thread.cta->threads.size()) {
        fail(SIMULATOR_COLLECTIVE, "%s needs a whole warpgroup, but the CTA has %zu threads", name_of(kind),
             thread.cta->threads.size());
    }
    gather(thread, kind, thread.cta->warpgroups[group].gathering, group * 128, 128, Wait::Warpgroup, "warpgroup");
}

void join_warp(Cta& cta, u32 warp) {
    Thread* lanes = &cta.threads[warp * 32];
    Knowledge joined = lanes[0].knows;
    for (u32 lane = 1; lane < 32; ++lane) {
        joined.join(lanes[lane].knows);
    }
    for (u32 lane = 0; lane < 32; ++lane) {
        lanes[lane].acquire(joined);
        ++lanes[lane].now();
    }
}

void finish_warp_collective(Cta& cta, u32 warp, Collective kind) {
    Thread* lanes = &cta.threads[warp * 32];
    u32 all = FULL_MASK;
    u32 any = 0;
    switch (kind) {
        case Collective::SyncWarp:
            join_warp(cta, warp);
            break;
        case Collective::Shuffle:
        case Collective::ShuffleXor:
        case Collective::ShuffleUp:
            ++counters().shuffles;
            for (u32 lane = 0; lane < 32; ++lane) {
                u32 operand = lanes[lane].operand;
                u32 source = kind == Collective::Shuffle      ? operand % 32
                             : kind == Collective::ShuffleXor ? (lane ^ operand) % 32
                             : lane < operand                 ? lane
                                                              : lane - operand;
                lanes[lane].result = static_cast<u32>(reinterpret_cast<u64>(lanes[source].pointers[0]));
            }
            join_warp(cta, warp);
            break;
        case Collective::All:
        case Collective::Any:
        case Collective::Or:
            ++(kind == Collective::Or ? counters().warp_ors : counters().warp_votes);
            for (u32 lane = 0; lane < 32; ++lane) {
                all &= lanes[lane].operand;
                any |= lanes[lane].operand;
            }
            for (u32 lane = 0; lane < 32; ++lane) {
                lanes[lane].result = kind == Collective::All ? all : any;
            }
            join_warp(cta, warp);
            break;
        case Collective::LoadMatrix:
        case Collective::LoadMatrixTransposed:
        case Collective::MultiplyFloat16:
        case Collective::MultiplyBFloat16:
            finish_matrix_collective(cta, warp, kind);
            break;
        case Collective::Elect:
            break;
        case Collective::TensorAllocate:
        case Collective::TensorRelinquish:
        case Collective::TensorRelease:
        case Collective::TensorLoad:
        case Collective::TensorStore:
        case Collective::TensorWaitLoads:
        case Collective::TensorWaitStores:
            finish_tensor_collective(cta, warp, kind);
            break;
        default:
            finish_product_collective(cta, warp, kind);
    }
}

void synchronize_warp(Word mask) {
    Thread& thread = warp_thread(__builtin_return_address(0), mask);
    thread.operand = 0;
    gather_warp(thread, Collective::SyncWarp);
}

Word shuffle(Word mask, Word value, int source) {
    Thread& thread = warp_thread(__builtin_return_address(0), mask);
    thread.operand = static_cast<u32>(source);
    thread.pointers[0] = reinterpret_cast<void*>(static_cast<u64>(value));
    gather_warp(thread, Collective::Shuffle);
    return thread.result;
}

Word shuffle_xor(Word mask, Word value, int distance) {
    Thread& thread = warp_thread(__builtin_return_address(0), mask);
    thread.operand = static_cast<u32>(distance);
    thread.pointers[0] = reinterpret_cast<void*>(static_cast<u64>(value));
    gather_warp(thread, Collective::ShuffleXor);
    return thread.result;
}

Word shuffle_up(Word mask, Word value, unsigned distance) {
    Thread& thread = warp_thread(__builtin_return_address(0), mask);
    thread.operand = distance;
    thread.pointers[0] = reinterpret_cast<void*>(static_cast<u64>(value));
    gather_warp(thread, Collective::ShuffleUp);
    return thread.result;
}

bool vote_all(Word mask, bool condition) {
    Thread& thread = warp_thread(__builtin_return_address(0), mask);
    thread.operand = condition ? FULL_MASK : 0;
    gather_warp(thread, Collective::All);
    return thread.result != 0;
}

bool vote_any(Word mask, bool condition) {
    Thread& thread = warp_thread(__builtin_return_address(0), mask);
    thread.operand = condition ? 1 : 0;
    gather_warp(thread, Collective::Any);
    return thread.result != 0;
}

Word reduce_or(Word mask, Word value) {
    Thread& thread = warp_thread(__builtin_return_address(0), mask);
    thread.operand = value;
    gather_warp(thread, Collective::Or);
    return thread.result;
}

// 9.7.13.14: which lane it is nobody knows, but always the same one. Orders nothing.
bool elect_lane() {
    Thread& thread = warp_thread(__builtin_return_address(0), FULL_MASK);
    thread.operand = 0;
    gather_warp(thread, Collective::Elect);
    return thread.lane() == launch.elected_lane;
}

void release_registers(int count) {
    change_registers(enter(__builtin_return_address(0)), count, Collective::ReleaseRegisters);
}

void claim_registers(int count) {
    change_registers(enter(__builtin_return_address(0)), count, Collective::ClaimRegisters);
}

namespace {

// PTX ISA 9.7.13.1. Taking part releases what the thread did before; waiting acquires what all participants released,
// and leaves in each thread's `result` whether any brought a condition that holds.
void take_part(Thread& thread, u32 index, u32 threads, bool wait, bool condition = false) {
    if (index > 15) {
        fail(SIMULATOR_NAMED_BARRIER, "named barrier %u: there are 16", index);
    }
    if (threads == 0 || threads % 32 != 0 || threads > MAX_THREADS) {
        fail(SIMULATOR_NAMED_BARRIER, "named barrier %u for %u threads: a multiple of 32 is wanted", index, threads);
    }
    NamedBarrier& barrier = thread.cta->named[index];
    if (barrier.arrived == 0) {
        barrier.threads = threads;
    } else if (barrier.threads != threads) {
        fail(SIMULATOR_NAMED_BARRIER, "named barrier %u for %u threads, but others take part for %u", index, threads,
             barrier.threads);
    }
    barrier.arriving.join(thread.knows);
    barrier.any = barrier.any || condition;
    ++thread.now();
    ++barrier.arrived;
    something_happened();
    if (wait) {
        ++counters().named_barrier_waits;
    }
    if (barrier.arrived < barrier.threads) {
        if (wait) {
            barrier.waiting.push_back(&thread);
            block(thread, Wait::NamedBarrier, index, barrier.phase);
        }
        return;
    }
    if (!wait && barrier.waiting.empty()) {
        fail(SIMULATOR_NAMED_BARRIER,
             "named barrier %u completes phase %u by arrivals alone: nobody waits for what they signal", index,
             barrier.phase);
    }
    if (wait) {
        thread.acquire(barrier.arriving);
        thread.result = barrier.any;
    }
    for (Thread* other : barrier.waiting) {
        other->result = barrier.any;
        other->acquire(barrier.arriving);
        wake(*other);
    }
    barrier.waiting.clear();
    barrier.arrived = 0;
    barrier.any = false;
    ++barrier.phase;
    barrier.arriving.reset();
}

}  // namespace

void named_barrier(int barrier, int threads, bool wait) {
    take_part(enter(__builtin_return_address(0)), static_cast<u32>(barrier), static_cast<u32>(threads), wait);
}

bool named_barrier_any(int barrier, int threads, bool condition) {
    Thread& thread = enter(__builtin_return_address(0));
    take_part(thread, static_cast<u32>(barrier), static_cast<u32>(threads), true, condition);
    return thread.result != 0;
}

void synchronize_threads() {
    Thread& thread = enter(__builtin_return_address(0));
    take_part(thread, 0, static_cast<u32>(thread.cta->threads.size()), true);
}

}  // namespace simulator
