// The C interface of one simulated kernel: a shared library exports simulator_run and simulator_describe. Plain
// structures of fixed-width fields, so that any language can call it (tests/Conformance does, from C#).
#pragma once
#include <stdint.h>

#define SIMULATOR_ABI_VERSION 6u
#define SIMULATOR_MESSAGE_BYTES 8192
#define SIMULATOR_MAPS 3

#ifdef __cplusplus
extern "C" {
#endif

// Which ready thread runs next.
enum SimulatorOrder {
    SIMULATOR_ORDER_FAIR = 0,              // in turn
    SIMULATOR_ORDER_RANDOM = 1,            // drawn from the seed
    SIMULATOR_ORDER_STARVE_WARPGROUP = 2,  // random, but `starved_warpgroup` only where nobody else can run
    SIMULATOR_ORDER_LEADERS_FIRST = 3,     // random, but lanes other than 0 only where no lane 0 can run
    SIMULATOR_ORDER_STARVE_LANES = 4,      // random, but lanes of `starved_warpgroup` other than 0 as in 2
};

// When an asynchronous operation (TMA copy, wgmma, tcgen05.mma) takes place.
enum SimulatorCompletion {
    SIMULATOR_COMPLETION_EARLIEST = 0,  // at issue
    SIMULATOR_COMPLETION_LATEST = 1,    // when no thread can go on without it
    SIMULATOR_COMPLETION_RANDOM = 2,    // drawn from the seed
};

enum SimulatorSwizzle {
    SIMULATOR_SWIZZLE_NONE = 0,
    SIMULATOR_SWIZZLE_32 = 1,
    SIMULATOR_SWIZZLE_64 = 2,
    SIMULATOR_SWIZZLE_128 = 3,
};

enum SimulatorStatus {
    SIMULATOR_OK = 0,
    SIMULATOR_BAD_LAUNCH = 1,   // what was passed in cannot be launched
    SIMULATOR_NOT_VISIBLE = 2,  // a read of bytes that nothing has made visible to the reader
    SIMULATOR_OVERWRITE = 3,    // a write over bytes that someone may still read or write
    SIMULATOR_PROXY = 4,        // no proxy fence between generic and asynchronous accesses
    SIMULATOR_BARRIER = 5,      // mbarrier: arrivals, transactions, phases, reuse
    SIMULATOR_NAMED_BARRIER = 6,
    SIMULATOR_COLLECTIVE = 7,      // not all threads, or different operands
    SIMULATOR_REGISTERS = 8,       // setmaxnreg
    SIMULATOR_SHARED_MEMORY = 9,   // out of bounds or misaligned
    SIMULATOR_GLOBAL_MEMORY = 10,  // outside the ranges given, read-only, or misaligned
    SIMULATOR_IN_FLIGHT = 11,      // registers of an asynchronous product or load touched
    SIMULATOR_DESCRIPTOR = 12,     // matrix descriptor or tensor map that the hardware would not take
    SIMULATOR_DEADLOCK = 13,
    SIMULATOR_RUNAWAY = 14,        // more steps than allowed
    SIMULATOR_UNFINISHED = 15,     // a CTA ended with asynchronous operations under way or tensor memory allocated
    SIMULATOR_TENSOR_MEMORY = 16,  // allocation, bounds and lanes of tensor memory
};

// A tensor map as cuTensorMapEncodeTiled takes it, rank 5, innermost dimension first.
typedef struct SimulatorTensorMap {
    uint64_t base;             // address in this process
    uint64_t allowed_bytes;    // from base: TMA may read nothing past them
    uint32_t element_bytes;    // 2
    uint32_t swizzle;          // SimulatorSwizzle
    uint64_t extents[5];       // elements
    uint64_t byte_strides[5];  // [0] is element_bytes
    uint32_t box[5];           // elements
    uint32_t reserved;
} SimulatorTensorMap;

// Global memory that generic loads and stores may touch.
typedef struct SimulatorRange {
    uint64_t base;
    uint64_t bytes;
    const char* name;
    uint32_t writable;
    uint32_t reserved;
} SimulatorRange;

typedef struct SimulatorLaunch {
    uint32_t abi_version;   // SIMULATOR_ABI_VERSION
    uint32_t grid;          // CTAs, one dimension
    uint32_t threads;       // a CTA, a multiple of 32, at most 512
    uint32_t shared_bytes;  // dynamic shared memory
    uint32_t registers;     // a thread's at launch; 0: as many as __launch_bounds__(threads, 1) allows
    uint32_t order;         // SimulatorOrder
    uint32_t completion;    // SimulatorCompletion
    uint32_t starved_warpgroup;
    uint32_t resident_ctas;  // that run interleaved; 0 and 1: one after the other
    uint32_t range_count;
    // 1: launched to overlap the kernel before it in the stream, which may still use global memory until
    // griddepcontrol.wait.
    uint32_t overlapping;
    uint32_t reserved;
    uint64_t seed;
    uint64_t step_limit;  // memory accesses and resumptions; 0: 4·10^9
    SimulatorTensorMap maps[SIMULATOR_MAPS];
    const void* arguments;  // the kernel's argument structure
    uint64_t argument_bytes;
    const SimulatorRange* ranges;
    uint64_t* cta_flops;  // [grid], or null: products of each CTA in FLOP, for the imbalance
} SimulatorLaunch;

typedef struct SimulatorCounters {
    uint64_t copies[SIMULATOR_MAPS];        // TMA loads by tensor map
    uint64_t copied_bytes[SIMULATOR_MAPS];  // that arrived in shared memory, zeros out of bounds included
    uint64_t tensor_bytes[SIMULATOR_MAPS];  // that were read of the tensor
    uint64_t shared_shared_products;        // wgmma and tcgen05.mma with A in shared memory (Q·Kᵀ)
    uint64_t shared_shared_flops;
    uint64_t register_shared_products;  // with A in registers or tensor memory (P·V)
    uint64_t register_shared_flops;
    uint64_t tensor_loaded_bytes;  // tcgen05.ld and tcgen05.st
    uint64_t tensor_stored_bytes;
    uint64_t matrix_loads;       // ldmatrix instructions
    uint64_t warp_products;      // mma instructions
    uint64_t exponentials;       // of one thread each
    uint64_t warp_ors;           // votes are published and read through them
    uint64_t warp_votes;         // __all_sync, __any_sync
    uint64_t shuffles;           // of one warp each
    uint64_t mbarrier_arrivals;  // of one thread each, as are the next two
    uint64_t mbarrier_waits;
    uint64_t mbarrier_tests;
    uint64_t named_barrier_waits;
    uint64_t votes;  // arrivals at the mbarriers on which votes are published, one of each warp that votes
    // With completion "latest": the fewest bytes of TMA loads under way in a CTA when none of its threads could go on,
    // while it still had loads to issue. ~0: it never came to that.
    uint64_t least_bytes_in_flight;
    // How often the warpgroup that issues wgmma instructions with A in shared memory was another one than before, the
    // first one of each CTA included.
    uint64_t product_turns;
    uint64_t steps;
} SimulatorCounters;

typedef struct SimulatorReport {
    int32_t status;  // SimulatorStatus
    uint32_t cta;    // of the error, as are thread and line
    uint32_t thread;
    uint32_t line;  // of the kernel's text as compiled; 0 where unknown
    SimulatorCounters counters;
    char message[SIMULATOR_MESSAGE_BYTES];
} SimulatorReport;

typedef struct SimulatorDescription {
    uint32_t abi_version;
    uint32_t threads;
    uint32_t shared_bytes;
    uint32_t argument_bytes;
    uint32_t query_tile;
    uint32_t query_box;  // tokens of one box of each map
    uint32_t key_box;
    uint32_t value_box;
} SimulatorDescription;

// Runs the kernel to its end or to its first error. Returns report->status. Not reentrant within one library.
int simulator_run(const SimulatorLaunch* launch, SimulatorReport* report);
void simulator_describe(SimulatorDescription* description);

#ifdef __cplusplus
}
#endif
