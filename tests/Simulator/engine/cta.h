// State of one simulated CTA and of the launch it belongs to.
#pragma once
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "clock.h"
#include "engine.h"
#include "fiber.h"

namespace simulator {

constexpr u32 SHARED_LIMIT = 232448;      // 227 KB, the most a CTA can have
constexpr u32 SHARED_WINDOW_BASE = 1024;  // where dynamic shared memory starts in the .shared::cta window
constexpr u32 STACK_BYTES = 64 << 10;
constexpr u32 REGISTER_FILE = 65536;
constexpr u32 POISON = 0x7FFFDEAD;  // a NaN as float32 and as two 16-bit elements

struct Cta;

// A site is a return address into the kernel's code; it becomes a line only when an error is reported.
using Site = const void*;

enum class Wait : u8 { None, Warp, Warpgroup, Mbarrier, NamedBarrier, Registers };

struct Thread {
    Cta* cta;
    u32 index;
    FiberContext context;
    u8* stack;
    u32* stack_shadow;  // a word for each 4 bytes of stack: see registers.h
    Knowledge knows;
    Site site;
    bool exited;

    Wait waits;
    u32 wait_object;  // mbarrier or named barrier
    u32 wait_phase;
    u64 wait_since;

    // Its part of the collective it waits in.
    u32 operand;
    u64 operands[2];
    void* pointers[2];
    u32 result;

    bool waited_for_grid;  // it has executed griddepcontrol.wait

    // Accesses of tensor memory (9.7.16.6.3): what others released to the thread, and, as far as a
    // fence::after_thread_sync has taken it up, what comes before its own next ones. Only a fence::before_thread_sync
    // hands that on.
    TensorClock tensor_acquired;
    TensorClock ordered;

    u32 fences;  // wgmma.fence executed, ever
    bool fenced_once;
    u32 registers;

    u32 warp() const { return index / 32; }
    u32 lane() const { return index % 32; }
    u32& now() { return knows.happened.at[index]; }

    // Synchronizes with whoever released this.
    void acquire(const Knowledge& released) {
        TensorClock own = knows.tensor;
        knows.join(released);
        knows.tensor = own;
        tensor_acquired.join(released.tensor);
    }
};

struct Arrival {
    u16 thread;
    u32 time;
};

// The arrivals of one phase; without copies, who knows of them all knows the phase to be complete.
struct PhaseRecord {
    std::vector<Arrival> arrivals;
    bool copies = false;
};

constexpr u32 REMEMBERED_PHASES = 4;

struct Mbarrier {
    u32 offset;
    u32 expected;
    u32 pending;
    long long transaction_bytes;
    long long unclaimed_bytes;  // that the phase was told to expect, and no copy has been issued for
    u32 phase;                  // the incomplete one
    u32 awaited;                // phases up to the last that somebody has waited for
    bool votes;                 // see SharedField
    u16 initializer;
    u32 initialized_at;
    Knowledge arriving;                      // what arrivals of the phase released
    Knowledge completed;                     // and those of the last completed phase
    PhaseRecord records[REMEMBERED_PHASES];  // by phase % REMEMBERED_PHASES
    std::vector<Thread*> waiting;
};

struct Copy {
    u32 destination;
    u32 bytes;
    u32 map;
    int coordinates[5];
    u32 barrier;
    u32 phase;
    u32 thread;
    Site site;
};

struct NamedBarrier {
    u32 threads = 0;
    u32 arrived = 0;
    u32 phase = 0;
    Knowledge arriving;
    std::vector<Thread*> waiting;
    bool any = false;  // of the conditions of this phase
};

enum class Collective : u8 {
    None,
    SyncWarp,
    Shuffle,
    ShuffleXor,
    ShuffleUp,
    All,
    Any,
    Or,
    LoadMatrix,
    LoadMatrixTransposed,
    MultiplyFloat16,
    MultiplyBFloat16,
    ReleaseRegisters,
    ClaimRegisters,
    Fence,
    Commit,
    WaitGroup,
    SharedShared,
    RegisterShared,
    Elect,
    TensorAllocate,
    TensorRelinquish,
    TensorRelease,
    TensorLoad,
    TensorStore,
    TensorWaitLoads,
    TensorWaitStores,
};

// Threads gathering for a collective of a warp or warpgroup.
struct Gathering {
    Collective kind = Collective::None;
    u32 arrived = 0;
};

// Accumulators of a warpgroup while products on them are in flight.
struct Accumulators {
    float* registers[128];
    u32 columns;
    u32 group;  // of the last product
    Site site;
    u32 warps_done;             // bits
    std::vector<float> values;  // [64][columns]
};

struct Product {
    bool bfloat16;
    bool register_a;
    bool accumulate;
    bool executed;
    u32 columns;
    u64 a, b;
    const u32* fragments[128];
    Accumulators* d;
    u32 group;
    u32 warps_done;
};

struct Warpgroup {
    Gathering gathering;
    std::vector<std::unique_ptr<Accumulators>> accumulators;
    std::deque<Product> products;
    u32 uncommitted[4];
    u32 committed[4];
};

// One column of the 32 lanes that a warp reaches: who wrote and read it last.
struct TensorCell {
    Site site;
    u32 writer;  // one of TENSOR_AGENTS; from its allocation on, that is a write
    u32 written_at;
    u64 accumulators;         // place and shape of the product that wrote it; 0 where none did
    u32 loads[4];             // of the warps 4·i + quarter
    u32 products[MAX_WARPS];  // that read it as A
    bool allocated;
    bool written;
};

struct TensorAllocation {
    u32 column;
    u32 columns;
};

// A tcgen05.ld whose registers are not yet written.
struct TensorLoad {
    float* registers[32];
    std::vector<float> values;  // [32][columns]
};

// A tcgen05.mma, or a commit, which arrives at its mbarrier.
struct TensorWork {
    bool commit;
    u32 number;  // products of the thread up to here
    u32 barrier;
    u32 d;
    u64 a, b;
    u32 instruction;
    bool tensor_a;
    bool accumulate;
    Site site;
    PhaseClock phases;  // of a commit: known at issue
};

struct TensorWarp {
    u32 loads = 0, stores = 0, products = 0;  // issued
    u32 stores_awaited = 0;
    u32 committed = 0;    // products
    u32 issuer = NOBODY;  // of products
    std::vector<TensorLoad> pending;
    std::deque<TensorWork> work;
};

struct TensorMemory {
    std::vector<float> values;      // [128 lanes][512 columns], as soon as there is an allocation
    std::vector<TensorCell> cells;  // [4][512]
    std::vector<TensorAllocation> allocations;
    TensorWarp warps[MAX_WARPS];
    u32 allocator = NOBODY;  // warp
    u32 latest_columns = 0;
    bool relinquished = false;
};

// Who wrote and read 4 bytes of shared memory last, through the generic proxy or a copy.
struct WordShadow {
    Site site;
    u32 written_at;
    u16 writer;
    u16 readers;  // index into Cta::readers, 0: none
    u32 read_at;  // of a single reader
    u16 reader;
    u16 mbarrier;  // 1 + index of the barrier that lives here
};

struct Cta {
    u32 index;
    std::vector<Thread> threads;
    std::vector<Thread*> ready;  // in turn
    std::vector<Thread*> starved;
    std::vector<Thread*> polling;  // failed a test; run again only where nobody else can
    size_t ready_head;
    bool idle;  // nothing but polls at its last turn
    u32 live;
    std::vector<Mbarrier> mbarriers;
    std::vector<Copy> copies;
    NamedBarrier named[16];
    Gathering warps[MAX_WARPS];
    Warpgroup warpgroups[MAX_THREADS / 128];
    std::vector<WordShadow> words;
    std::vector<u32> async_reads;           // [128-byte row][MAX_WARPS]: latest group that reads it
    std::vector<std::vector<u32>> readers;  // of words that several threads have read: [index][thread], latest time
    std::vector<u16> free_readers;          // indexes of words that have been written since
    TensorMemory tensor;
    u32 free_registers;
    std::vector<Thread*> claiming;
    u32 product_issuer;  // warpgroup of the last wgmma with A in shared memory
    u64 flops;
    u64 stalled_bytes;       // least bytes in flight at a standstill since the last load was issued
    std::vector<u8> parked;  // shared memory while other CTAs run
    u8* stacks;
    u32* stack_shadows;

    Cta();
    ~Cta();
    Cta(const Cta&) = delete;
    Cta& operator=(const Cta&) = delete;
};

struct Launch {
    const Kernel* kernel;
    const SimulatorLaunch* description;
    SimulatorReport* report;
    std::mt19937_64 random;
    u64 step_limit;
    bool failed;
    u32 elected_lane;
    u64 idle_polls;  // since anything happened in any CTA
};

struct Failure {};

extern Launch launch;
extern Cta* current_cta;
extern Thread* current_thread;
extern FiberContext scheduler_context;

inline SimulatorCounters& counters() { return launch.report->counters; }

inline u64 draw(u64 bound) { return launch.random() % bound; }

// Stops the launch. In a thread it never returns; outside of one it throws Failure.
[[noreturn]] void fail(SimulatorStatus status, const char* format, ...) __attribute__((format(printf, 2, 3)));

// "line 123 (function)" of the kernel's text.
std::string describe_site(Site site);
const SharedField* field_of(u32 offset);  // null where there is none
std::string describe_shared(u32 offset);  // "key_full[1] (shared + 0x18010)"
std::string describe_agent(u16 agent);    // a thread or the copies on an mbarrier

// Thread scheduling.
inline Thread& enter(Site site) {
    current_thread->site = site;
    return *current_thread;
}
void block(Thread& thread, Wait wait, u32 object = 0, u32 phase = 0);
void wake(Thread& thread);
void poll(Thread& thread);  // lets everybody else run first
void something_happened();

// Shared memory.
u8* shared_memory();
void reset_shared(Cta& cta);
u32 shared_offset(const void* address, u32 bytes, u32 alignment, const char* what);
void generic_read(Thread& thread, u32 offset, u32 bytes);
void generic_write(Thread& thread, u32 offset, u32 bytes);
// A copy will overwrite these bytes: everybody must be done with them.
void begin_copy_write(Thread& thread, u32 offset, u32 bytes, u16 agent, u32 time);
// Bytes that a product reads must be visible to all that issue it.
void check_async_read(const Knowledge& known, u32 offset, u32 bytes, const char* reads);
void mark_async_read(u32 offset, u32 bytes, u32 warp, u32 group);

// Barriers and asynchronous operations.
void complete_copy(Cta& cta, size_t index);
void note_standstill(Cta& cta);  // no thread can go on until a copy completes
void complete_transaction(Cta& cta, u32 barrier, u32 bytes);
u32 find_mbarrier(Thread& thread, const void* address, const char* operation);  // its index
void arrive_for_products(Cta& cta, u32 warp, const TensorWork& commit);         // all up to the commit
bool execute_tensor_work(Cta& cta);                                             // false where there is none
void finish_tensor_collective(Cta& cta, u32 warp, Collective kind);
void execute_product(Warpgroup& group, Product& product);
bool execute_pending_product(Cta& cta);
void finish_product_collective(Cta& cta, u32 warp, Collective kind);  // fence, commit, wait
void finish_warp_collective(Cta& cta, u32 warp, Collective kind);
void finish_matrix_collective(Cta& cta, u32 warp, Collective kind);  // ldmatrix, mma
void finish_warpgroup_collective(Cta& cta, u32 warpgroup, Collective kind);
const char* refusal(const SimulatorTensorMap& map);  // why the driver would not encode it; null where it would
float element_value(bool bfloat16, u32 bits);        // of a 16-bit element
enum class GlobalAccess { Read, Write, Atomic };
void touch_global(u64 address, u32 bytes, GlobalAccess access);
void reset_global();
void order_global(Thread& thread, u32 range, u64 offset, u32 bytes, bool write);
// Fails where the launch overlaps the kernel before it, for which the thread has not waited yet.
void require_grid_waited(const Thread& thread, const char* access);
void order_atomic(u32 range, u64 offset, u32 bytes);
void perform_stores(bool all);  // relaxed ones that are under way: some of them, or all
void check_finished(Cta& cta);

// Gathers the thread with the other lanes; the last one finishes the collective and wakes the rest.
void gather_warp(Thread& thread, Collective kind);
void gather_warpgroup(Thread& thread, Collective kind);
const char* name_of(Collective kind);
void join_warp(Cta& cta, u32 warp);  // afterwards each lane knows what all of them knew

}  // namespace simulator
