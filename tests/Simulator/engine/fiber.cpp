#include "fiber.h"

#include <cstdint>

#if !defined(__x86_64__) || !defined(__linux__)
#error "The simulator switches stacks by x86-64 code: add the switch of this machine here."
#endif

// Callee-saved registers of the System V ABI; the floating-point control words never change.
asm(R"(
.text
.p2align 4
.type simulator_switch_stack, @function
.hidden simulator_switch_stack
.globl simulator_switch_stack
simulator_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq (%rsi), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size simulator_switch_stack, . - simulator_switch_stack
)");

extern "C" void simulator_switch_stack(void** from, void** to);

namespace simulator {

void switch_context(FiberContext& from, FiberContext& to) {
    simulator_switch_stack(&from.stack_pointer, &to.stack_pointer);
}

void prepare_context(FiberContext& context, void* stack, size_t bytes, void (*entry)()) {
    auto top = (reinterpret_cast<uintptr_t>(stack) + bytes) & ~uintptr_t{63};
    auto* frame = reinterpret_cast<void**>(top - 56);
    frame[0] = nullptr;  // in place of a return address: 8 above a multiple of 16, as the ABI has it at entry
    frame[-1] = reinterpret_cast<void*>(entry);
    for (int i = 2; i <= 7; ++i) {
        frame[-i] = nullptr;
    }
    context.stack_pointer = &frame[-7];
}

}  // namespace simulator
