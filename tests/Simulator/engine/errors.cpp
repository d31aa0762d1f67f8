#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cta.h"

namespace simulator {

namespace {

// Frames of the instruction layer and of the CUDA shim are not what a reader looks for.
bool belongs_to_layer(const std::string& function) {
    static const char* const prefixes[] = {
        "mbarrier_",         "wgmma_",          "tma_",           "warp_",       "fence_proxy", "named_barrier_",
        "release_registers", "claim_registers", "shared_address", "__",          "Wgmma<",      "exp2_approximate",
        "atomicAdd",         "ldmatrix_",       "Mma<",           "global_or",   "tcgen05_",    "Tcgen05Columns<",
        "elect_lane",        "pair_",           "max3_",          "simulator::", "T __shfl",    "load_flagged",
        "store_flagged",     "pause",           "grid_"};
    for (const char* prefix : prefixes) {
        size_t at = function.rfind("void ", 0) == 0 ? 5 : 0;
        if (function.compare(at, std::strlen(prefix), prefix) == 0) {
            return true;
        }
    }
    return false;
}

struct Line {
    u32 number = 0;
    std::string function;
};

Line line_of(Site site) {
    Dl_info module;
    if (site == nullptr || dladdr(site, &module) == 0 || module.dli_fname == nullptr) {
        return {};
    }
    auto offset = static_cast<const u8*>(site) - static_cast<const u8*>(module.dli_fbase) - 1;
    char command[4400];
    std::snprintf(command, sizeof command, "addr2line -i -f -C -e '%s' 0x%zx 2>/dev/null", module.dli_fname,
                  static_cast<size_t>(offset));
    FILE* pipe = popen(command, "r");
    if (pipe == nullptr) {
        return {};
    }
    Line found;
    char text[4096];
    std::string function;
    for (int i = 0; std::fgets(text, sizeof text, pipe) != nullptr; ++i) {
        text[std::strcspn(text, "\n")] = 0;
        if (i % 2 == 0) {
            function = text;
            continue;
        }
        const char* colon = std::strrchr(text, ':');
        bool in_layer = std::strstr(text, "/ptx/") != nullptr || std::strstr(text, "/cuda_host.h") != nullptr;
        if (colon != nullptr && !in_layer && !belongs_to_layer(function) && found.number == 0) {
            found = {static_cast<u32>(std::atoi(colon + 1)), function.substr(0, function.find('('))};
        }
    }
    pclose(pipe);
    return found;
}

}  // namespace

std::string describe_site(Site site) {
    Line line = line_of(site);
    return line.number == 0 ? "an unknown line" : "line " + std::to_string(line.number) + " (" + line.function + ")";
}

const SharedField* field_of(u32 offset) {
    for (const SharedField& field : launch.kernel->fields) {
        if (offset >= field.offset && offset < field.offset + field.bytes) {
            return &field;
        }
    }
    return nullptr;
}

std::string describe_shared(u32 offset) {
    char text[256];
    const SharedField* field = field_of(offset);
    if (field == nullptr) {
        std::snprintf(text, sizeof text, "shared + 0x%x", offset);
        return text;
    }
    u64 within = offset - field->offset;
    u64 element = within / field->element_bytes;
    u64 rest = within % field->element_bytes;
    int n = std::snprintf(text, sizeof text, "%s", field->name);
    if (field->bytes != field->element_bytes) {
        n += std::snprintf(text + n, sizeof text - n, "[%llu]", static_cast<unsigned long long>(element));
    }
    if (rest != 0) {
        n += std::snprintf(text + n, sizeof text - n, " + 0x%llx", static_cast<unsigned long long>(rest));
    }
    std::snprintf(text + n, sizeof text - n, " (shared + 0x%x)", offset);
    return text;
}

std::string describe_agent(u16 agent) {
    if (agent < MAX_THREADS) {
        return std::string("thread ").append(std::to_string(agent));
    }
    return std::string("a copy on ").append(describe_shared(current_cta->mbarriers[agent - COPY_AGENTS].offset));
}

void fail(SimulatorStatus status, const char* format, ...) {
    SimulatorReport& report = *launch.report;
    report.status = status;
    report.cta = current_cta != nullptr ? current_cta->index : 0;
    int used = 0;
    if (current_thread != nullptr) {
        Line line = line_of(current_thread->site);
        report.thread = current_thread->index;
        report.line = line.number;
        used = std::snprintf(report.message, sizeof report.message,
                             "CTA %u, thread %u (warp %u), line %u (%s): ", report.cta, report.thread,
                             report.thread / 32, line.number, line.function.c_str());
    } else if (current_cta != nullptr) {
        used = std::snprintf(report.message, sizeof report.message, "CTA %u: ", report.cta);
    }
    va_list values;
    va_start(values, format);
    std::vsnprintf(report.message + used, sizeof report.message - used, format, values);
    va_end(values);
    launch.failed = true;
    if (current_thread == nullptr) {
        throw Failure{};
    }
    Thread& thread = *current_thread;
    current_thread = nullptr;
    switch_context(thread.context, scheduler_context);
    std::abort();  // a failed thread is never resumed
}

}  // namespace simulator
