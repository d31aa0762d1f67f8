// Runs a launch: CTAs, their threads, and the asynchronous operations between them.
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>

#include "../include/instructions.h"
#include "cta.h"

namespace simulator {

Launch launch;
Cta* current_cta;
Thread* current_thread;
FiberContext scheduler_context;

namespace {

constexpr u64 DEFAULT_STEP_LIMIT = 4'000'000'000;
constexpr u64 IDLE_POLLS = 1024;         // of each thread, while nothing happens: a deadlock
constexpr u32 PAINTED_BYTES = 12 << 10;  // of a stack: what a kernel's frame may use before it is written

u8* map_pages(size_t bytes) {
    void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) {
        fail(SIMULATOR_BAD_LAUNCH, "no memory for the stacks of %u threads", MAX_THREADS);
    }
    return static_cast<u8*>(pages);
}

void thread_main() {
    launch.kernel->enter(*launch.description);
    Thread& thread = *current_thread;
    thread.exited = true;
    --thread.cta->live;
    Gathering& warp = thread.cta->warps[thread.warp()];
    Gathering& group = thread.cta->warpgroups[thread.index / 128].gathering;
    if (warp.arrived != 0 || group.arrived != 0) {
        fail(SIMULATOR_COLLECTIVE, "the thread ends while others of its warp or warpgroup wait for it at %s",
             name_of(warp.arrived != 0 ? warp.kind : group.kind));
    }
    something_happened();
    current_thread = nullptr;
    switch_context(thread.context, scheduler_context);
    __builtin_unreachable();
}

bool is_starved(const Thread& thread) {
    const SimulatorLaunch& description = *launch.description;
    bool in_starved = thread.index / 128 == description.starved_warpgroup;
    switch (description.order) {
        case SIMULATOR_ORDER_STARVE_WARPGROUP:
            return in_starved;
        case SIMULATOR_ORDER_STARVE_LANES:
            return in_starved && thread.lane() != 0;
        case SIMULATOR_ORDER_LEADERS_FIRST:
            return thread.lane() != 0;
        default:
            return false;
    }
}

void start(Cta& cta, u32 index) {
    u32 count = launch.description->threads;
    cta.index = index;
    cta.threads.resize(count);
    cta.ready.clear();
    cta.starved.clear();
    cta.polling.clear();
    cta.ready_head = 0;
    cta.idle = false;
    cta.live = count;
    cta.mbarriers.clear();
    cta.copies.clear();
    for (NamedBarrier& barrier : cta.named) {
        barrier = NamedBarrier{};
        barrier.arriving.reset();
    }
    for (Gathering& gathering : cta.warps) {
        gathering = {};
    }
    for (Warpgroup& group : cta.warpgroups) {
        group = Warpgroup{};
    }
    cta.tensor.allocations.clear();
    for (u32 warp = 0; warp < MAX_WARPS; ++warp) {
        cta.tensor.warps[warp] = {};
    }
    cta.tensor.allocator = NOBODY;
    cta.tensor.latest_columns = 0;
    cta.tensor.relinquished = false;
    cta.claiming.clear();
    cta.product_issuer = ~0u;
    cta.flops = 0;
    cta.stalled_bytes = ~0ull;
    reset_shared(cta);
    u32 registers = launch.description->registers;
    if (registers == 0) {
        registers = std::min(255u, REGISTER_FILE / count) / 8 * 8;
    }
    cta.free_registers = 0;
    for (u32 i = 0; i < count; ++i) {
        Thread& thread = cta.threads[i];
        u32 fences = thread.fences;
        thread.knows.reset();
        thread.tensor_acquired.reset();
        thread.ordered.reset();
        u8* stack = cta.stacks + static_cast<size_t>(i) * STACK_BYTES;
        thread.cta = &cta;
        thread.index = i;
        thread.stack = stack;
        thread.stack_shadow = cta.stack_shadows + static_cast<size_t>(i) * (STACK_BYTES / 4);
        thread.site = nullptr;
        thread.exited = false;
        thread.waits = Wait::None;
        thread.fences = fences + 1;  // what an earlier CTA's thread did to this stack is no matter
        thread.fenced_once = false;
        thread.waited_for_grid = false;
        thread.registers = registers;
        thread.now() = 1;
        for (u32 at = STACK_BYTES - PAINTED_BYTES; at < STACK_BYTES; at += 4) {
            std::memcpy(stack + at, &POISON, 4);
        }
        prepare_context(thread.context, stack, STACK_BYTES, thread_main);
        (is_starved(thread) ? cta.starved : cta.ready).push_back(&thread);
    }
}

Thread* take(std::vector<Thread*>& from) {
    size_t at = draw(from.size());
    std::swap(from[at], from.back());
    Thread* thread = from.back();
    from.pop_back();
    return thread;
}

Thread* pick(Cta& cta) {
    if (launch.description->order == SIMULATOR_ORDER_FAIR) {
        if (cta.ready_head == cta.ready.size()) {
            return nullptr;
        }
        Thread* thread = cta.ready[cta.ready_head++];
        if (cta.ready_head == 4096) {
            cta.ready.erase(cta.ready.begin(), cta.ready.begin() + 4096);
            cta.ready_head = 0;
        }
        return thread;
    }
    if (!cta.polling.empty() && draw(16) == 0) {
        return take(cta.polling);
    }
    return !cta.ready.empty() ? take(cta.ready) : !cta.starved.empty() ? take(cta.starved) : nullptr;
}

std::string describe_wait(const Thread& thread) {
    Cta& cta = *thread.cta;
    char text[512];
    switch (thread.waits) {
        case Wait::Mbarrier: {
            const Mbarrier& barrier = cta.mbarriers[thread.wait_object];
            std::snprintf(text, sizeof text,
                          "mbarrier %s, phase %u (parity %u): %u of %u arrivals and %lld bytes pending",
                          describe_shared(barrier.offset).c_str(), barrier.phase, barrier.phase & 1, barrier.pending,
                          barrier.expected, barrier.transaction_bytes);
            return text;
        }
        case Wait::NamedBarrier: {
            const NamedBarrier& barrier = cta.named[thread.wait_object];
            std::snprintf(text, sizeof text, "named barrier %u, phase %u: %u of %u threads have arrived",
                          thread.wait_object, barrier.phase, barrier.arrived, barrier.threads);
            return text;
        }
        case Wait::Registers:
            std::snprintf(text, sizeof text, "setmaxnreg.inc from %u to %u registers, while %u are free in the CTA",
                          thread.registers, thread.wait_object, cta.free_registers);
            return text;
        case Wait::Warp:
            return std::string("the rest of the warp at ") + name_of(cta.warps[thread.warp()].kind);
        case Wait::Warpgroup:
            return std::string("the rest of the warpgroup at ") +
                   name_of(cta.warpgroups[thread.index / 128].gathering.kind);
        case Wait::None:
            return "nothing: it polls";
    }
    return "";
}

[[noreturn]] void report_deadlock(Cta& cta) {
    struct Group {
        std::vector<u32> threads;
        Site site;
    };
    std::map<std::pair<std::string, Site>, Group> groups;
    for (const Thread& thread : cta.threads) {
        if (!thread.exited) {
            groups[{describe_wait(thread), thread.site}].threads.push_back(thread.index);
        }
    }
    std::string text = "deadlock:";
    for (const auto& [key, group] : groups) {
        text += "\n  threads";
        for (size_t i = 0; i < group.threads.size();) {
            size_t last = i;
            while (last + 1 < group.threads.size() && group.threads[last + 1] == group.threads[last] + 1) {
                ++last;
            }
            text += " " + std::to_string(group.threads[i]);
            text += last > i ? "-" + std::to_string(group.threads[last]) : "";
            i = last + 1;
        }
        text += " at " + describe_site(key.second) + " wait for " + key.first;
    }
    bool registers = text.find("setmaxnreg.inc from") != std::string::npos;
    fail(registers ? SIMULATOR_REGISTERS : SIMULATOR_DEADLOCK, "%s", text.c_str());
}

// Runs the CTA until it ends, the quantum is over or its threads have polled for long, maybe for another CTA's sake.
// True when it has ended.
bool advance(Cta& cta, u64 quantum, bool alone) {
    SimulatorCompletion completion = static_cast<SimulatorCompletion>(launch.description->completion);
    u64 patience = 2 * cta.threads.size();
    cta.idle = false;
    while (cta.live != 0) {
        if (quantum-- == 0) {
            return false;
        }
        if (completion == SIMULATOR_COMPLETION_RANDOM) {
            u64 dice = launch.random();
            if (dice % 64 == 0 && !cta.copies.empty()) {
                complete_copy(cta, dice / 64 % cta.copies.size());
            } else if (dice % 64 == 1) {
                execute_pending_product(cta);
            } else if (dice % 64 == 2) {
                execute_tensor_work(cta);
            } else if (dice % 64 == 3) {
                perform_stores(false);
            }
        }
        Thread* thread = pick(cta);
        // In turn: products before copies, and these as on a device that answers requests in their order. Otherwise
        // any.
        bool in_turn = launch.description->order == SIMULATOR_ORDER_FAIR;
        if (thread == nullptr && (in_turn || cta.copies.empty() || draw(2) == 0) && execute_tensor_work(cta)) {
            continue;
        }
        if (thread == nullptr && !cta.copies.empty()) {
            note_standstill(cta);
            complete_copy(cta, in_turn ? 0 : draw(cta.copies.size()));
            continue;
        }
        if (thread == nullptr && !cta.polling.empty() && launch.idle_polls++ < IDLE_POLLS * cta.threads.size()) {
            perform_stores(false);
            if (!alone && patience-- == 0) {
                cta.idle = true;
                return false;
            }
            thread = take(cta.polling);
        }
        if (thread == nullptr) {
            report_deadlock(cta);
        }
        if (++counters().steps > launch.step_limit) {
            fail(SIMULATOR_RUNAWAY, "more than %llu steps", static_cast<unsigned long long>(launch.step_limit));
        }
        current_thread = thread;
        switch_context(scheduler_context, thread->context);
        current_thread = nullptr;
        if (launch.failed) {
            throw Failure{};
        }
    }
    check_finished(cta);
    return true;
}

void run_grid(std::vector<std::unique_ptr<Cta>>& pool) {
    const SimulatorLaunch& description = *launch.description;
    u32 resident = std::max(1u, std::min(description.resident_ctas, description.grid));
    while (pool.size() < resident) {
        pool.push_back(std::make_unique<Cta>());
    }
    std::vector<Cta*> running;
    u32 started = 0;
    Cta* loaded = nullptr;
    while (started < description.grid || !running.empty()) {
        while (running.size() < resident && started < description.grid) {
            for (u32 i = 0; i < resident; ++i) {
                if (std::find(running.begin(), running.end(), pool[i].get()) == running.end()) {
                    start(*pool[i], started++);
                    running.push_back(pool[i].get());
                    break;
                }
            }
        }
        // In turn, the CTA with the least work so far goes on: as on a device, where all are equally fast.
        // One that waits for others comes behind them.
        if (std::ranges::all_of(running, &Cta::idle)) {
            std::ranges::for_each(running, [](Cta* cta) { cta->idle = false; });
        }
        size_t at = description.order == SIMULATOR_ORDER_FAIR
                        ? static_cast<size_t>(std::min_element(running.begin(), running.end(),
                                                               [](Cta* a, Cta* b) {
                                                                   return std::pair(a->idle, a->flops) <
                                                                          std::pair(b->idle, b->flops);
                                                               }) -
                                              running.begin())
                        : draw(running.size());
        Cta* cta = running[at];
        if (cta != loaded) {
            if (loaded != nullptr) {
                std::memcpy(loaded->parked.data(), shared_memory(), loaded->parked.size());
            }
            std::memcpy(shared_memory(), cta->parked.data(), cta->parked.size());
            loaded = cta;
        }
        current_cta = cta;
        u64 quantum = resident == 1 ? ~0ull : description.order == SIMULATOR_ORDER_FAIR ? 4096 : 1 + draw(16384);
        if (advance(*cta, quantum, running.size() == 1)) {
            if (description.cta_flops != nullptr) {
                description.cta_flops[cta->index] = cta->flops;
            }
            running.erase(running.begin() + static_cast<long>(at));
            loaded = nullptr;
        } else if (description.order == SIMULATOR_ORDER_FAIR) {
            // Those that wait without working must not be passed over for ever.
            std::rotate(running.begin(), running.begin() + static_cast<long>(at) + 1, running.end());
        }
        current_cta = nullptr;
    }
    perform_stores(true);
}

void check_launch() {
    const SimulatorLaunch& d = *launch.description;
    if (d.abi_version != SIMULATOR_ABI_VERSION) {
        fail(SIMULATOR_BAD_LAUNCH, "abi_version %u: this library speaks %u", d.abi_version, SIMULATOR_ABI_VERSION);
    }
    if (d.threads != launch.kernel->threads || d.threads % 32 != 0 || d.threads > MAX_THREADS) {
        fail(SIMULATOR_BAD_LAUNCH, "threads %u: the kernel wants %u", d.threads, launch.kernel->threads);
    }
    if (d.shared_bytes > SHARED_LIMIT || d.shared_bytes % 16 != 0) {
        fail(SIMULATOR_BAD_LAUNCH, "shared_bytes %u: at most %u, a multiple of 16", d.shared_bytes, SHARED_LIMIT);
    }
    if (d.argument_bytes != launch.kernel->argument_bytes) {
        fail(SIMULATOR_BAD_LAUNCH, "argument_bytes %llu: the kernel takes %lu",
             static_cast<unsigned long long>(d.argument_bytes), launch.kernel->argument_bytes);
    }
    if (static_cast<u64>(d.registers) * d.threads > REGISTER_FILE) {
        fail(SIMULATOR_BAD_LAUNCH, "registers %u for each of %u threads: an SM has %u", d.registers, d.threads,
             REGISTER_FILE);
    }
    for (u32 i = 0; i < launch.kernel->maps; ++i) {
        if (const char* reason = refusal(d.maps[i])) {
            fail(SIMULATOR_BAD_LAUNCH, "maps[%u]: %s", i, reason);
        }
    }
}

}  // namespace

Cta::Cta()
    : stacks(map_pages(static_cast<size_t>(MAX_THREADS) * STACK_BYTES)),
      stack_shadows(reinterpret_cast<u32*>(map_pages(static_cast<size_t>(MAX_THREADS) * STACK_BYTES))) {}

Cta::~Cta() {
    munmap(stacks, static_cast<size_t>(MAX_THREADS) * STACK_BYTES);
    munmap(stack_shadows, static_cast<size_t>(MAX_THREADS) * STACK_BYTES);
}

void block(Thread& thread, Wait wait, u32 object, u32 phase) {
    thread.waits = wait;
    thread.wait_object = object;
    thread.wait_phase = phase;
    current_thread = nullptr;
    switch_context(thread.context, scheduler_context);
}

void wake(Thread& thread) {
    thread.waits = Wait::None;
    Cta& cta = *thread.cta;
    (is_starved(thread) ? cta.starved : cta.ready).push_back(&thread);
}

void poll(Thread& thread) {
    thread.cta->polling.push_back(&thread);
    current_thread = nullptr;
    switch_context(thread.context, scheduler_context);
}

void something_happened() { launch.idle_polls = 0; }

void check_finished(Cta& cta) {
    if (!cta.copies.empty()) {
        const Copy& copy = cta.copies.front();
        fail(SIMULATOR_UNFINISHED, "the CTA ends while a copy issued by thread %u at %s is in flight", copy.thread,
             describe_site(copy.site).c_str());
    }
    for (u32 i = 0; i < 16; ++i) {
        if (cta.named[i].arrived != 0) {
            fail(SIMULATOR_UNFINISHED,
                 "the CTA ends while %u of %u threads have arrived at named barrier %u: nobody waited for them",
                 cta.named[i].arrived, cta.named[i].threads, i);
        }
    }
    for (u32 warp = 0; warp < MAX_WARPS; ++warp) {
        const TensorWarp& tensor = cta.tensor.warps[warp];
        if (!tensor.work.empty() || tensor.committed != tensor.products) {
            fail(SIMULATOR_UNFINISHED, "the CTA ends while products of warp %u are under way or have no tcgen05.commit",
                 warp);
        }
        if (!tensor.pending.empty() || tensor.stores_awaited != tensor.stores) {
            fail(SIMULATOR_UNFINISHED, "the CTA ends while warp %u has not waited for its last tcgen05.%s", warp,
                 tensor.pending.empty() ? "st" : "ld");
        }
    }
    if (!cta.tensor.allocations.empty()) {
        const TensorAllocation& allocation = cta.tensor.allocations.front();
        fail(SIMULATOR_UNFINISHED, "the CTA ends while %u columns from column %u are allocated (9.7.16.1.2)",
             allocation.columns, allocation.column);
    }
    for (u32 g = 0; g < cta.threads.size() / 128; ++g) {
        const Warpgroup& group = cta.warpgroups[g];
        if (!group.accumulators.empty()) {
            fail(SIMULATOR_UNFINISHED,
                 "the CTA ends while warpgroup %u has products that nobody waited for, the first issued at %s", g,
                 describe_site(group.accumulators.front()->site).c_str());
        }
        for (u32 w = 1; w < 4; ++w) {
            if (group.committed[w] != group.committed[0]) {
                fail(SIMULATOR_COLLECTIVE, "the warps of warpgroup %u committed different numbers of groups", g);
            }
        }
    }
}

Dimensions thread_index() { return {current_thread->index, 0, 0}; }

Dimensions block_index() { return {current_cta->index, 0, 0}; }

Dimensions grid_dimensions() { return {launch.description->grid, 1, 1}; }

Dimensions block_dimensions() { return {launch.description->threads, 1, 1}; }

float exp2_approximate(float x) {
    ++counters().exponentials;
    float y = std::exp2(x);
    return std::fabs(y) < 0x1p-126f ? 0.0f : y;
}

namespace {

template <typename T>
T add(T* address, T value) {
    touch_global(reinterpret_cast<u64>(address), sizeof(T), GlobalAccess::Atomic);
    T before = *address;
    *address = before + value;
    return before;
}

}  // namespace

Word atomic_add(Word* address, Word value) {
    enter(__builtin_return_address(0));
    return add(address, value);
}

DoubleWord atomic_add(DoubleWord* address, DoubleWord value) {
    enter(__builtin_return_address(0));
    return add(address, value);
}

void global_or(Word* word, Word bits) {
    enter(__builtin_return_address(0));
    touch_global(reinterpret_cast<u64>(word), sizeof(Word), GlobalAccess::Atomic);
    *word |= bits;
}

int run(const Kernel& kernel, const SimulatorLaunch& description, SimulatorReport& report) {
    static std::vector<std::unique_ptr<Cta>> pool;
    std::memset(&report, 0, sizeof report);
    report.counters.least_bytes_in_flight = ~0ull;
    u64 limit = description.step_limit == 0 ? DEFAULT_STEP_LIMIT : description.step_limit;
    launch = {&kernel, &description, &report, std::mt19937_64(description.seed), limit, false, 0, 0};
    if (description.order == SIMULATOR_ORDER_RANDOM || description.order == SIMULATOR_ORDER_STARVE_WARPGROUP) {
        launch.elected_lane = static_cast<u32>(description.seed % 32);
    }
    current_cta = nullptr;
    current_thread = nullptr;
    try {
        check_launch();
        reset_global();
        run_grid(pool);
    } catch (const Failure&) {
        pool.clear();  // abandoned threads
    }
    current_cta = nullptr;
    current_thread = nullptr;
    return report.status;
}

}  // namespace simulator
