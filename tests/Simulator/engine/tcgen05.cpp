// Products that one thread issues, with accumulators in tensor memory (PTX ISA 9.7.16.10), and their commits
// (9.7.16.12). A product's operands are read and D is written at some moment between issue and the arrival of a later
// commit of its thread; until that is known, nobody may touch them but products with the same D and shape (9.7.16.6.2).
#include "../include/instructions.h"
#include "operands.h"
#include "tensor_memory.h"

namespace simulator {

namespace {

constexpr u32 ROWS = 128;
constexpr u32 A_COLUMNS = DEPTH / 2;  // of A in tensor memory, two elements each

u32 field(u64 bits, u32 first, u32 count) { return static_cast<u32>(bits >> first & ((1ull << count) - 1)); }

void require_field(u64 bits, u32 first, u32 count, u32 wanted, const char* descriptor, const char* name) {
    if (field(bits, first, count) != wanted) {
        fail(SIMULATOR_DESCRIPTOR, "%s 0x%llx: bits %u to %u (%s) are %u where %u is wanted", descriptor,
             static_cast<unsigned long long>(bits), first, first + count - 1, name, field(bits, first, count), wanted);
    }
}

// 9.7.16.4.2, column kind::f16; what the instruction layer does not offer is refused.
struct Instruction {
    bool bfloat16;
    bool a_k_major;
    bool b_k_major;
    u32 columns;

    explicit Instruction(u32 bits) {
        constexpr const char* name = "instruction descriptor";
        require_field(bits, 0, 4, 0, name, "sparsity, saturation");
        require_field(bits, 4, 2, 1, name, "type of D: float32");
        require_field(bits, 6, 1, 0, name, "reserved");
        if (field(bits, 7, 3) > 1) {
            fail(SIMULATOR_DESCRIPTOR, "%s 0x%x: type %u of A is neither float16 (0) nor bfloat16 (1)", name, bits,
                 field(bits, 7, 3));
        }
        require_field(bits, 10, 3, field(bits, 7, 3), name, "type of B: A's");
        require_field(bits, 13, 2, 0, name, "negation");
        require_field(bits, 23, 1, 0, name, "reserved");
        require_field(bits, 24, 5, ROWS >> 4, name, "M / 16: 128 rows");
        require_field(bits, 29, 3, 0, name, "reserved, shift");
        bfloat16 = field(bits, 7, 3) == 1;
        a_k_major = field(bits, 15, 1) == 0;
        b_k_major = field(bits, 16, 1) == 0;
        columns = field(bits, 17, 6) << 3;
        if (columns == 0 || columns % 16 != 0 || columns > MOST_COLUMNS) {
            fail(SIMULATOR_DESCRIPTOR, "%s 0x%x: N = %u is no multiple of 16 from 16 to 256", name, bits, columns);
        }
    }
};

// 9.7.16.4.1.
SharedOperand decode(u64 bits, bool k_major, const char* name) {
    require_field(bits, 14, 2, 0, name, "reserved");
    require_field(bits, 30, 2, 0, name, "reserved");
    require_field(bits, 46, 3, 1, name, "fixed");
    require_field(bits, 52, 1, 0, name, "mode of the leading dimension: relative");
    require_field(bits, 53, 8, 0, name, "fixed");
    u32 mode = field(bits, 61, 3);
    if (mode % 2 != 0) {
        fail(SIMULATOR_DESCRIPTOR, "%s 0x%llx: swizzling mode %u is none that 16-bit elements have", name,
             static_cast<unsigned long long>(bits), mode);
    }
    if (k_major && mode != 0) {
        require_field(bits, 16, 14, 1, name, "leading dimension, not used: 1");  // 9.7.16.3.1.1
    }
    constexpr u32 swizzle_bytes[] = {16, 128, 64, 32};
    return {field(bits, 0, 14) << 4, field(bits, 16, 14) << 4, field(bits, 32, 14) << 4, field(bits, 49, 3),
            swizzle_bytes[mode / 2]};
}

void read_shared(Thread& thread, u64 descriptor, bool k_major, u32 extent, u32 number, const char* name) {
    SharedOperand operand = decode(descriptor, k_major, name);
    require_operand(operand, k_major, extent, name);
    std::string reads = std::string("tcgen05.mma reads ") + name;
    visit_units(operand, k_major, extent, [&](u32 offset, u32, u32) {
        check_async_read(thread.knows, offset, 16, reads.c_str());
        mark_async_read(offset, 16, thread.warp(), number);
    });
}

void read_tensor(Thread& thread, u32 address, u32 number) {
    constexpr const char* action = "tcgen05.mma reads A from";
    require_allocated(address, A_COLUMNS, action);
    for (u32 quarter = 0; quarter < QUARTERS; ++quarter) {
        for (u32 column = tensor_column(address); column < tensor_column(address) + A_COLUMNS; ++column) {
            require_written_before(thread.ordered, quarter, column, action);
            require_contents(quarter, column, action);
            tensor_cell(quarter, column).products[thread.warp()] = number;
        }
    }
}

void write_tensor(Thread& thread, u32 address, u32 columns, bool accumulate, u32 number) {
    constexpr const char* action = "tcgen05.mma writes D to";
    require_allocated(address, columns, action);
    u64 accumulators = 1ull << 63 | static_cast<u64>(columns) << 32 | address;
    for (u32 quarter = 0; quarter < QUARTERS; ++quarter) {
        for (u32 column = tensor_column(address); column < tensor_column(address) + columns; ++column) {
            TensorCell& cell = tensor_cell(quarter, column);
            bool pipelined = cell.writer == TENSOR_PRODUCTS + thread.warp() && cell.accumulators == accumulators;
            if (!pipelined) {
                require_written_before(thread.ordered, quarter, column, action);
            }
            require_read_before(thread.ordered, quarter, column, action);
            if (accumulate) {
                require_contents(quarter, column, "tcgen05.mma adds to");
            }
            cell.site = thread.site;
            cell.writer = TENSOR_PRODUCTS + thread.warp();
            cell.written_at = number;
            cell.accumulators = accumulators;
            cell.written = true;
        }
    }
}

TensorWarp& issuing_warp(Thread& thread, const char* what) {
    TensorWarp& warp = thread.cta->tensor.warps[thread.warp()];
    if (warp.issuer == NOBODY) {
        warp.issuer = thread.index;
    }
    if (warp.issuer != thread.index) {
        fail(SIMULATOR_COLLECTIVE, "%s by thread %u: thread %u of the same warp has issued products before", what,
             thread.index, warp.issuer);
    }
    return warp;
}

void enqueue(Thread& thread, const TensorWork& work) {
    thread.cta->tensor.warps[thread.warp()].work.push_back(work);
    something_happened();
    if (launch.description->completion == SIMULATOR_COMPLETION_EARLIEST) {
        execute_tensor_work(*thread.cta);
    }
}

void issue(Thread& thread, u32 d, u64 a, bool tensor_a, u64 b, u32 instruction_bits, bool accumulate) {
    Instruction instruction(instruction_bits);
    TensorWarp& warp = issuing_warp(thread, "tcgen05.mma");
    u32 number = ++warp.products;
    if (tensor_lane(d) != 0 || (tensor_a && tensor_lane(static_cast<u32>(a)) != 0)) {
        fail(SIMULATOR_TENSOR_MEMORY,
             "tcgen05.mma of 128 rows with D at 0x%x%s: a matrix that does not start at lane 0", d,
             tensor_a ? " and A in tensor memory" : "");
    }
    if (tensor_a) {
        if (!instruction.a_k_major) {
            fail(SIMULATOR_DESCRIPTOR, "instruction descriptor 0x%x: A is transposed, but lies in tensor memory",
                 instruction_bits);
        }
        read_tensor(thread, static_cast<u32>(a), number);
    } else {
        read_shared(thread, a, instruction.a_k_major, ROWS, number, "A");
    }
    read_shared(thread, b, instruction.b_k_major, instruction.columns, number, "B");
    write_tensor(thread, d, instruction.columns, accumulate, number);
    SimulatorCounters& count = counters();
    u64 flops = 2ull * ROWS * DEPTH * instruction.columns;
    thread.cta->flops += flops;
    (tensor_a ? count.register_shared_products : count.shared_shared_products) += 1;
    (tensor_a ? count.register_shared_flops : count.shared_shared_flops) += flops;
    enqueue(thread, {false, number, 0, d, a, b, instruction_bits, tensor_a, accumulate, thread.site, {}});
}

void execute(const TensorWork& work) {
    Instruction instruction(work.instruction);
    alignas(64) float a[ROWS][DEPTH];
    alignas(64) float b[DEPTH][MOST_COLUMNS];
    if (work.tensor_a) {
        // 9.7.16.10.5.4: row r in lane r; the two elements of a column in its halves.
        for (u32 row = 0; row < ROWS; ++row) {
            for (u32 k = 0; k < DEPTH; ++k) {
                u16 pair[2];
                std::memcpy(pair, tensor_row(row, tensor_column(static_cast<u32>(work.a)) + k / 2), 4);
                a[row][k] = element_value(instruction.bfloat16, pair[k % 2]);
            }
        }
    } else {
        load_operand(decode(work.a, instruction.a_k_major, "A"), instruction.a_k_major, ROWS, instruction.bfloat16,
                     [&](u32 row, u32 k, float value) { a[row][k] = value; });
    }
    load_operand(decode(work.b, instruction.b_k_major, "B"), instruction.b_k_major, instruction.columns,
                 instruction.bfloat16, [&](u32 column, u32 k, float value) { b[k][column] = value; });
    multiply(a, b, ROWS, instruction.columns, work.accumulate, tensor_row(0, tensor_column(work.d)), TENSOR_COLUMNS);
}

}  // namespace

// One thread's products in order of issue, as no two that could be told apart by it may be under way together.
bool execute_tensor_work(Cta& cta) {
    u32 first = static_cast<u32>(draw(MAX_WARPS));
    for (u32 i = 0; i < MAX_WARPS; ++i) {
        u32 warp = (first + i) % MAX_WARPS;
        std::deque<TensorWork>& pending = cta.tensor.warps[warp].work;
        if (!pending.empty()) {
            TensorWork work = pending.front();
            pending.pop_front();
            if (work.commit) {
                arrive_for_products(cta, warp, work);
            } else {
                execute(work);
            }
            return true;
        }
    }
    return false;
}

void tensor_multiply(Word d, DoubleWord a, DoubleWord b, Word instruction, bool accumulate) {
    issue(enter(__builtin_return_address(0)), d, a, false, b, instruction, accumulate);
}

void tensor_multiply(Word d, Word a, DoubleWord b, Word instruction, bool accumulate) {
    issue(enter(__builtin_return_address(0)), d, a, true, b, instruction, accumulate);
}

void tensor_commit(void* barrier) {
    Thread& thread = enter(__builtin_return_address(0));
    TensorWarp& warp = issuing_warp(thread, "tcgen05.commit");
    u32 index = find_mbarrier(thread, barrier, "tcgen05.commit");
    warp.committed = warp.products;
    enqueue(thread, {true, warp.products, index, 0, 0, 0, 0, false, false, thread.site, thread.knows.phases});
}

}  // namespace simulator
