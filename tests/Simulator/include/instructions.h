// What the instruction layer for the host (include/ptx) and the CUDA shim call: the engine, compiled apart from the
// kernel, since the kernel's own loads and stores are instrumented and the engine's are not.
#pragma once

namespace simulator {

using Word = unsigned int;
using DoubleWord = unsigned long long;

struct Dimensions {
    Word x, y, z;
};

// A thread's coordinates never change while it runs, so the compiler may keep them.
__attribute__((const)) Dimensions thread_index();
__attribute__((const)) Dimensions block_index();
__attribute__((const)) Dimensions grid_dimensions();
__attribute__((const)) Dimensions block_dimensions();

void synchronize_threads();
void synchronize_warp(Word mask);
Word shuffle(Word mask, Word value, int source);
Word shuffle_up(Word mask, Word value, unsigned distance);
Word shuffle_xor(Word mask, Word value, int distance);
bool vote_all(Word mask, bool condition);
bool vote_any(Word mask, bool condition);
Word reduce_or(Word mask, Word value);
Word atomic_add(Word* address, Word value);
DoubleWord atomic_add(DoubleWord* address, DoubleWord value);
void global_or(Word* word, Word bits);
void global_store(void* destination, DoubleWord first, DoubleWord second);
void global_load(const void* source, DoubleWord (&words)[2]);
void pause();
void grid_wait();
Word shared_address(const void* object);

float exp2_approximate(float x);

void fence_proxy_async_shared();
void mbarrier_init(void* barrier, Word arrivals);
void mbarrier_arrive(void* barrier, Word expected_bytes);
bool mbarrier_test(void* barrier, Word parity);
void mbarrier_wait(void* barrier, Word parity);
void tma_prefetch(const void* map);
void tma_load(void* destination, const void* map, void* barrier, const int (&coordinates)[5]);
void release_registers(int count);
void claim_registers(int count);
void named_barrier(int barrier, int threads, bool wait);
bool named_barrier_any(int barrier, int threads, bool condition);
void load_matrices(bool transposed, Word* matrices, Word row_address);
// Element type of A and B: bfloat16, or float16.
void multiply_add(bool bfloat16, float* d, const Word* a, Word b0, Word b1);
void wgmma_fence();
void wgmma_commit();
void wgmma_wait(int pending);
// `bfloat16`: element type of A and B, float16 otherwise. Columns: N.
void wgmma_shared_shared(bool bfloat16, int columns, float* d, DoubleWord a, DoubleWord b, bool accumulate);
void wgmma_register_shared(bool bfloat16, int columns, float* d, const Word* a, DoubleWord b);
bool elect_lane();
void tensor_allocate(int columns, Word* address);
void tensor_relinquish();
void tensor_release(int columns, Word address);
void tensor_load(int columns, float* values, Word address);
void tensor_store(int columns, Word address, const void* values);
void tensor_wait_loads();
void tensor_wait_stores();
void tensor_fence_before_sync();
void tensor_fence_after_sync();
void tensor_multiply(Word d, DoubleWord a, DoubleWord b, Word instruction, bool accumulate);
void tensor_multiply(Word d, Word a, DoubleWord b, Word instruction, bool accumulate);
void tensor_commit(void* barrier);

}  // namespace simulator
