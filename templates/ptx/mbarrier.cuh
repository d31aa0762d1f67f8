#pragma once
#include "shared.cuh"

// Barriers in shared memory (PTX ISA 9.7.13.15). A barrier is in phase 0, 1, 2, … A phase completes when its pending
// arrivals and its pending transaction bytes are both zero; the next phase then starts with the initial count. A wait
// names a phase by its parity (phase & 1): it returns once the phase of that parity has completed, so a waiter must
// never be more than one phase behind.
struct alignas(8) Mbarrier {
    u64 state;
};

// Prepares a barrier for `arrivals` arrivals a phase. One thread; visible to the CTA's other threads after
// mbarrier_init_fence() and a CTA barrier, and to the async proxy as well.
__device__ __forceinline__ void mbarrier_init(Mbarrier* barrier, u32 arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
}

// Makes this thread's mbarrier_init calls visible to the async proxy.
__device__ __forceinline__ void mbarrier_init_fence() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    fence_proxy_async_shared();
}

// One arrival. Releases this thread's earlier writes to whoever waits for the phase.
__device__ __forceinline__ void mbarrier_arrive(Mbarrier* barrier) {
    asm volatile("mbarrier.arrive.release.cta.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
}

// One arrival of those threads for which `condition` holds; never a branch.
__device__ __forceinline__ void mbarrier_arrive_if(bool condition, Mbarrier* barrier) {
    asm volatile(
        "{\n"
        ".reg .pred condition;\n"
        "setp.ne.u32 condition, %1, 0;\n"
        "@condition mbarrier.arrive.release.cta.shared::cta.b64 _, [%0];\n"
        "}" ::"r"(shared_address(barrier)),
        "r"(static_cast<u32>(condition))
        : "memory");
}

// One arrival that also makes the phase wait for `bytes` more bytes of asynchronous copies.
__device__ __forceinline__ void mbarrier_arrive_expect_bytes(Mbarrier* barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
                 "r"(bytes)
                 : "memory");
}

// Whether the phase of this parity has completed; if so, what its arrivals released and its copies wrote is visible.
// Does not block.
__device__ __forceinline__ bool mbarrier_test(Mbarrier* barrier, u32 parity) {
    u32 complete;
    asm volatile(
        "{\n"
        ".reg .pred complete;\n"
        "mbarrier.test_wait.parity.acquire.cta.shared::cta.b64 complete, [%1], %2;\n"
        "selp.u32 %0, 1, 0, complete;\n"
        "}"
        : "=r"(complete)
        : "r"(shared_address(barrier)), "r"(parity)
        : "memory");
    return complete != 0;
}

// Blocks until the phase of this parity has completed; what its arrivals released and its copies wrote is then visible
// to this thread.
__device__ __forceinline__ void mbarrier_wait(Mbarrier* barrier, u32 parity) {
    asm volatile(
        "{\n"
        ".reg .pred complete;\n"
        "again:\n"
        "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 complete, [%0], %1;\n"
        "@complete bra done;\n"
        "bra again;\n"
        "done:\n"
        "}" ::"r"(shared_address(barrier)),
        "r"(parity)
        : "memory");
}

// mbarrier_wait for two barriers, which may be the same: the second is asked for while the first answers.
__device__ __forceinline__ void mbarrier_wait_both(Mbarrier* first, u32 first_parity, Mbarrier* second,
                                                   u32 second_parity) {
    asm volatile(
        "{\n"
        ".reg .pred first, second;\n"
        "again:\n"
        "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 first, [%0], %1;\n"
        "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 second, [%2], %3;\n"
        "and.pred first, first, second;\n"
        "@first bra done;\n"
        "bra again;\n"
        "done:\n"
        "}" ::"r"(shared_address(first)),
        "r"(first_parity), "r"(shared_address(second)), "r"(second_parity)
        : "memory");
}
