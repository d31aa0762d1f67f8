// Stacks and switches between them.
#pragma once
#include <cstddef>

namespace simulator {

struct FiberContext {
    void* stack_pointer = nullptr;
};

// Saves the running context in `from` and continues `to`.
void switch_context(FiberContext& from, FiberContext& to);

// Prepares a context that runs `entry` on the stack [stack, stack + bytes); entry never returns.
void prepare_context(FiberContext& context, void* stack, size_t bytes, void (*entry)());

}  // namespace simulator
