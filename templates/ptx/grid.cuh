#pragma once

// A kernel may begin before the one before it in its stream has ended, if its launch says so (programmatic stream
// serialization). PTX ISA 9.7.13.13.

// Waits until the kernels before have completed; what they wrote is then visible. Global memory must not be touched
// before, since they may be writing what is read and reading what is written.
__device__ __forceinline__ void grid_wait() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

// Lets the kernel behind begin, once every CTA has said so or ended, wherever there is room.
__device__ __forceinline__ void grid_let_next_begin() {
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
}
