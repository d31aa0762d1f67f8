// mbarriers in shared memory (PTX ISA 9.7.13.15) and the proxy fence.
#include "../include/instructions.h"
#include "cta.h"

namespace simulator {

constexpr u32 PENDING_LIMIT = (1 << 20) - 1;  // 9.7.13.15.2: contents of the object

u32 find_mbarrier(Thread& thread, const void* address, const char* operation) {
    u32 offset = shared_offset(address, 8, 8, "an mbarrier");
    u32 index = thread.cta->words[offset / 4].mbarrier;
    if (index == 0) {
        fail(SIMULATOR_BARRIER, "%s on %s, which has not been initialized", operation, describe_shared(offset).c_str());
    }
    const Mbarrier& barrier = thread.cta->mbarriers[index - 1];
    if (thread.knows.happened.at[barrier.initializer] < barrier.initialized_at) {
        fail(SIMULATOR_BARRIER, "%s on %s, whose initialization by thread %u is not visible to this thread", operation,
             describe_shared(offset).c_str(), barrier.initializer);
    }
    if (thread.knows.fenced.at[barrier.initializer] < barrier.initialized_at) {
        fail(SIMULATOR_PROXY, "%s on %s, whose initialization was not fenced: mbarrier_init_fence() comes after it",
             operation, describe_shared(offset).c_str());
    }
    return index - 1;
}

namespace {

// 9.7.13.15.6: the phase completes when neither arrivals nor bytes are pending; the next one starts at once.
void complete_if_due(Cta& cta, u32 index) {
    Mbarrier& barrier = cta.mbarriers[index];
    if (barrier.pending != 0 || barrier.transaction_bytes > 0) {
        return;
    }
    if (barrier.awaited < barrier.phase) {
        fail(SIMULATOR_BARRIER,
             "%s completes phase %u, but nobody has waited for the one before: a missing wait to synccheck",
             describe_shared(barrier.offset).c_str(), barrier.phase);
    }
    ++barrier.phase;
    barrier.pending = barrier.expected;
    barrier.unclaimed_bytes = 0;
    std::swap(barrier.completed, barrier.arriving);
    barrier.completed.happened.at[COPY_AGENTS + index] = barrier.phase;
    barrier.completed.phases.at[index] = barrier.phase;
    barrier.arriving = barrier.completed;  // phases follow one another
    barrier.records[barrier.phase % REMEMBERED_PHASES] = {};
    for (Thread* thread : barrier.waiting) {
        barrier.awaited = barrier.phase;
        thread->acquire(barrier.completed);
        wake(*thread);
    }
    barrier.waiting.clear();
    something_happened();
}

// How many phases the thread knows to be complete: those it has waited for, and those all of whose arrivals it has
// learned of in some other way.
u32 known_phases(Thread& thread, u32 index) {
    const Mbarrier& barrier = thread.cta->mbarriers[index];
    u32& known = thread.knows.phases.at[index];
    for (u32 phase = barrier.phase; phase-- > known && phase + REMEMBERED_PHASES > barrier.phase;) {
        const PhaseRecord& record = barrier.records[phase % REMEMBERED_PHASES];
        bool all = !record.copies;
        for (const Arrival& arrival : record.arrivals) {
            all = all && thread.knows.happened.at[arrival.thread] >= arrival.time;
        }
        if (all) {
            known = phase + 1;
        }
    }
    return known;
}

// Which phase the parity means to this thread: the one it does not know to be complete, or the last that it does.
// Whether that phase has completed; an error where the barrier has gone on since, so that the parity has come to mean
// another phase (9.7.13.15.16: a wait tells the current phase from the one immediately before, no others).
bool phase_complete(Thread& thread, u32 index, Word parity, const char* operation) {
    Mbarrier& barrier = thread.cta->mbarriers[index];
    if (parity > 1) {
        fail(SIMULATOR_BARRIER, "%s on %s with parity %u", operation, describe_shared(barrier.offset).c_str(), parity);
    }
    long long known = known_phases(thread, index);
    long long meant = (known & 1) == parity ? known : known - 1;
    if (barrier.phase > meant + 1) {
        fail(SIMULATOR_BARRIER,
             "%s on %s names phase %lld (parity %u), but the barrier is in phase %u: the waiter is more than one phase "
             "behind",
             operation, describe_shared(barrier.offset).c_str(), meant, parity, barrier.phase);
    }
    if (barrier.phase == meant) {
        return false;
    }
    if (barrier.phase > 0) {
        barrier.awaited = barrier.phase;
        thread.acquire(barrier.completed);
    }
    return true;
}

}  // namespace

void fence_proxy_async_shared() {
    Thread& thread = enter(__builtin_return_address(0));
    thread.knows.fenced.join(thread.knows.happened);
    ++thread.now();
}

void mbarrier_init(void* address, Word arrivals) {
    Thread& thread = enter(__builtin_return_address(0));
    Cta& cta = *thread.cta;
    u32 offset = shared_offset(address, 8, 8, "an mbarrier");
    if (arrivals == 0 || arrivals > PENDING_LIMIT) {
        fail(SIMULATOR_BARRIER, "%s initialized for %u arrivals", describe_shared(offset).c_str(), arrivals);
    }
    if (cta.words[offset / 4].mbarrier != 0) {
        fail(SIMULATOR_BARRIER, "%s initialized twice", describe_shared(offset).c_str());
    }
    if (cta.mbarriers.size() == MAX_MBARRIERS) {
        fail(SIMULATOR_BARRIER, "more than %u mbarriers: raise MAX_MBARRIERS", MAX_MBARRIERS);
    }
    generic_write(thread, offset, 8);
    Mbarrier& barrier = cta.mbarriers.emplace_back();
    barrier.offset = offset;
    barrier.expected = barrier.pending = arrivals;
    barrier.transaction_bytes = barrier.unclaimed_bytes = 0;
    barrier.phase = barrier.awaited = 0;
    const SharedField* field = field_of(offset);
    barrier.votes = field != nullptr && field->votes;
    barrier.initializer = static_cast<u16>(thread.index);
    barrier.initialized_at = thread.now();
    barrier.arriving.reset();
    barrier.completed.reset();
    cta.words[offset / 4].mbarrier = cta.words[offset / 4 + 1].mbarrier = static_cast<u16>(cta.mbarriers.size());
}

void mbarrier_arrive(void* address, Word expected_bytes) {
    Thread& thread = enter(__builtin_return_address(0));
    u32 index = find_mbarrier(thread, address, "arrival");
    Mbarrier& barrier = thread.cta->mbarriers[index];
    ++counters().mbarrier_arrivals;
    counters().votes += barrier.votes;
    if (barrier.pending == 0) {
        fail(SIMULATOR_BARRIER, "%s, phase %u: an arrival beyond the %u it was initialized for",
             describe_shared(barrier.offset).c_str(), barrier.phase, barrier.expected);
    }
    barrier.transaction_bytes += expected_bytes;
    barrier.unclaimed_bytes += expected_bytes;
    if (barrier.transaction_bytes > PENDING_LIMIT) {
        fail(SIMULATOR_BARRIER, "%s, phase %u: expects %lld bytes, more than a phase can count",
             describe_shared(barrier.offset).c_str(), barrier.phase, barrier.transaction_bytes);
    }
    PhaseRecord& record = barrier.records[barrier.phase % REMEMBERED_PHASES];
    record.arrivals.push_back({static_cast<u16>(thread.index), thread.now()});
    record.copies = record.copies || expected_bytes != 0;
    barrier.arriving.join(thread.knows);
    ++thread.now();
    --barrier.pending;
    something_happened();
    complete_if_due(*thread.cta, index);
}

bool mbarrier_test(void* address, Word parity) {
    Thread& thread = enter(__builtin_return_address(0));
    u32 index = find_mbarrier(thread, address, "test");
    ++counters().mbarrier_tests;
    // Lanes of a warp may learn of a completion at different moments: one of them asks a little too early.
    bool too_early = launch.description->order != SIMULATOR_ORDER_FAIR && draw(8) == 0;
    if (!too_early && phase_complete(thread, index, parity, "test")) {
        return true;
    }
    poll(thread);
    return false;
}

void mbarrier_wait(void* address, Word parity) {
    Thread& thread = enter(__builtin_return_address(0));
    u32 index = find_mbarrier(thread, address, "wait");
    ++counters().mbarrier_waits;
    if (!phase_complete(thread, index, parity, "wait")) {
        Mbarrier& barrier = thread.cta->mbarriers[index];
        barrier.waiting.push_back(&thread);
        block(thread, Wait::Mbarrier, index, barrier.phase);
    }
}

// 9.7.16.12.1: the products release themselves, and nothing else that the issuing thread did. Like bytes of a copy,
// they are known to be done only by who waits for the phase.
void arrive_for_products(Cta& cta, u32 warp, const TensorWork& commit) {
    Mbarrier& barrier = cta.mbarriers[commit.barrier];
    if (barrier.pending == 0) {
        fail(SIMULATOR_BARRIER,
             "%s, phase %u: the tcgen05.commit issued at %s arrives beyond the %u it was initialized for",
             describe_shared(barrier.offset).c_str(), barrier.phase, describe_site(commit.site).c_str(),
             barrier.expected);
    }
    barrier.records[barrier.phase % REMEMBERED_PHASES].copies = true;
    u32& read = barrier.arriving.happened.at[PRODUCT_AGENTS + warp];
    read = std::max(read, commit.number);
    u32& done = barrier.arriving.tensor.at[TENSOR_PRODUCTS + warp];
    done = std::max(done, commit.number);
    barrier.arriving.phases.join(commit.phases);
    --barrier.pending;
    something_happened();
    complete_if_due(cta, commit.barrier);
}

void complete_transaction(Cta& cta, u32 index, u32 bytes) {
    Mbarrier& barrier = cta.mbarriers[index];
    barrier.transaction_bytes -= bytes;
    something_happened();
    complete_if_due(cta, index);
}

}  // namespace simulator
