// Shared memory and what is known about each of its words: who wrote it, who may still read it, and whether a barrier
// lives there.
#include <cstring>

#include "cta.h"
#include "../include/instructions.h"

// The kernels' one name for their shared memory: `extern __shared__ … dynamic_shared_memory[]`.
alignas(1024) unsigned char dynamic_shared_memory[simulator::SHARED_LIMIT];

namespace simulator {

namespace {

constexpr u32 ROW = 128;

bool knows(const Clock& clock, u16 agent, u32 time) { return agent == NOBODY || clock.at[agent] >= time; }

void require_read_visible(Thread& thread, u32 offset, const WordShadow& word) {
    if (word.mbarrier != 0) {
        fail(SIMULATOR_BARRIER, "generic access to %s, which holds an mbarrier", describe_shared(offset).c_str());
    }
    if (word.writer == NOBODY) {
        fail(SIMULATOR_NOT_VISIBLE, "reads %s, which nobody has written", describe_shared(offset).c_str());
    }
    if (!knows(thread.knows.happened, word.writer, word.written_at)) {
        fail(SIMULATOR_NOT_VISIBLE, "reads %s, written by %s at %s, without anything that makes it visible",
             describe_shared(offset).c_str(), describe_agent(word.writer).c_str(), describe_site(word.site).c_str());
    }
}

// Everything that happened to the word must be known to have happened before.
void require_free(Thread& thread, u32 offset, const WordShadow& word, const char* action) {
    if (word.mbarrier != 0) {
        fail(SIMULATOR_BARRIER, "%s %s, which holds an mbarrier", action, describe_shared(offset).c_str());
    }
    const Clock& happened = thread.knows.happened;
    if (!knows(happened, word.writer, word.written_at)) {
        fail(SIMULATOR_OVERWRITE, "%s %s, which %s, at %s, may still be writing", action,
             describe_shared(offset).c_str(), describe_agent(word.writer).c_str(), describe_site(word.site).c_str());
    }
    if (!knows(happened, word.reader, word.read_at)) {
        fail(SIMULATOR_OVERWRITE, "%s %s, which thread %u may still be reading", action,
             describe_shared(offset).c_str(), word.reader);
    }
    if (word.readers != 0) {
        const std::vector<u32>& readers = current_cta->readers[word.readers];
        for (u32 t = 0; t < readers.size(); ++t) {
            if (readers[t] > happened.at[t]) {
                fail(SIMULATOR_OVERWRITE, "%s %s, which thread %u may still be reading", action,
                     describe_shared(offset).c_str(), t);
            }
        }
    }
}

void require_no_async_reads(Thread& thread, u32 offset, u32 bytes, const char* action) {
    Cta& cta = *thread.cta;
    for (u32 row = offset / ROW; row <= (offset + bytes - 1) / ROW; ++row) {
        const u32* groups = &cta.async_reads[row * MAX_WARPS];
        for (u32 warp = 0; warp < MAX_WARPS; ++warp) {
            if (groups[warp] > thread.knows.happened.at[PRODUCT_AGENTS + warp]) {
                fail(SIMULATOR_OVERWRITE,
                     "%s %s, which a matrix product of warp %u (number %u) may still read: nothing says that it is "
                     "done",
                     action, describe_shared(row * ROW).c_str(), warp, groups[warp]);
            }
        }
    }
}

void wrote(Cta& cta, WordShadow& word, u16 writer, u32 time, Site site) {
    if (word.readers != 0) {
        cta.free_readers.push_back(word.readers);
    }
    word.writer = writer;
    word.written_at = time;
    word.site = site;
    word.reader = NOBODY;
    word.readers = 0;
}

}  // namespace

u8* shared_memory() { return dynamic_shared_memory; }

void reset_shared(Cta& cta) {
    u32 words = launch.description->shared_bytes / 4;
    cta.words.assign(words, WordShadow{nullptr, 0, NOBODY, 0, 0, NOBODY, 0});
    cta.async_reads.assign((words * 4 / ROW + 1) * MAX_WARPS, 0);
    cta.readers.assign(1, {});
    cta.free_readers.clear();
    cta.parked.resize(words * 4);
    for (u32 i = 0; i < words; ++i) {
        std::memcpy(&cta.parked[4 * i], &POISON, 4);
    }
}

u32 shared_offset(const void* address, u32 bytes, u32 alignment, const char* what) {
    auto offset = static_cast<u64>(static_cast<const u8*>(address) - dynamic_shared_memory);
    if (offset >= SHARED_LIMIT) {
        fail(SIMULATOR_SHARED_MEMORY, "%s at %p lies outside of shared memory", what, address);
    }
    if (offset + bytes > launch.description->shared_bytes) {
        fail(SIMULATOR_SHARED_MEMORY, "%s at shared + 0x%llx, %u bytes, ends past the CTA's %u bytes", what,
             static_cast<unsigned long long>(offset), bytes, launch.description->shared_bytes);
    }
    if (offset % alignment != 0) {
        fail(SIMULATOR_SHARED_MEMORY, "%s at shared + 0x%llx is not aligned to %u bytes", what,
             static_cast<unsigned long long>(offset), alignment);
    }
    return static_cast<u32>(offset);
}

Word shared_address(const void* object) {
    enter(__builtin_return_address(0));
    return SHARED_WINDOW_BASE + shared_offset(object, 0, 1, "an address");
}

void generic_read(Thread& thread, u32 offset, u32 bytes) {
    Cta& cta = *thread.cta;
    for (u32 at = offset & ~3u; at < offset + bytes; at += 4) {
        WordShadow& word = cta.words[at / 4];
        require_read_visible(thread, at, word);
        if (word.readers == 0 && (word.reader == NOBODY || word.reader == thread.index ||
                                  knows(thread.knows.happened, word.reader, word.read_at))) {
            word.reader = static_cast<u16>(thread.index);
            word.read_at = thread.now();
            continue;
        }
        if (word.readers == 0) {
            static_assert(SHARED_LIMIT / 4 < 0xFFFF, "each word can have an index");
            if (cta.free_readers.empty()) {
                cta.free_readers.push_back(static_cast<u16>(cta.readers.size()));
                cta.readers.emplace_back();
            }
            word.readers = cta.free_readers.back();
            cta.free_readers.pop_back();
            cta.readers[word.readers].assign(cta.threads.size(), 0u);
            cta.readers[word.readers][word.reader] = word.read_at;
            word.reader = NOBODY;
        }
        cta.readers[word.readers][thread.index] = thread.now();
    }
}

void generic_write(Thread& thread, u32 offset, u32 bytes) {
    Cta& cta = *thread.cta;
    require_no_async_reads(thread, offset, bytes, "writes over");
    for (u32 at = offset & ~3u; at < offset + bytes; at += 4) {
        WordShadow& word = cta.words[at / 4];
        require_free(thread, at, word, "writes over");
        wrote(cta, word, static_cast<u16>(thread.index), thread.now(), thread.site);
    }
}

void begin_copy_write(Thread& thread, u32 offset, u32 bytes, u16 agent, u32 time) {
    Cta& cta = *thread.cta;
    require_no_async_reads(thread, offset, bytes, "copies over");
    for (u32 at = offset; at < offset + bytes; at += 4) {
        WordShadow& word = cta.words[at / 4];
        require_free(thread, at, word, "copies over");
        if (word.writer < MAX_THREADS && !knows(thread.knows.fenced, word.writer, word.written_at)) {
            fail(SIMULATOR_PROXY, "copies over %s, written by %s at %s, without a proxy fence in between",
                 describe_shared(at).c_str(), describe_agent(word.writer).c_str(), describe_site(word.site).c_str());
        }
        wrote(cta, word, agent, time, thread.site);
        std::memcpy(dynamic_shared_memory + at, &POISON, 4);
    }
}

void check_async_read(const Knowledge& known, u32 offset, u32 bytes, const char* reads) {
    Cta& cta = *current_cta;
    for (u32 at = offset; at < offset + bytes; at += 4) {
        const WordShadow& word = cta.words[at / 4];
        if (word.writer == NOBODY) {
            fail(SIMULATOR_NOT_VISIBLE, "%s of %s, which nobody has written", reads, describe_shared(at).c_str());
        }
        if (!knows(known.happened, word.writer, word.written_at)) {
            fail(SIMULATOR_NOT_VISIBLE,
                 "%s at %s, written by %s at %s, without anything that makes it visible to all that issue it", reads,
                 describe_shared(at).c_str(), describe_agent(word.writer).c_str(), describe_site(word.site).c_str());
        }
        if (word.writer < MAX_THREADS && !knows(known.fenced, word.writer, word.written_at)) {
            fail(SIMULATOR_PROXY,
                 "%s at %s, written by %s at %s through the generic proxy, without a proxy fence in between", reads,
                 describe_shared(at).c_str(), describe_agent(word.writer).c_str(), describe_site(word.site).c_str());
        }
    }
}

void mark_async_read(u32 offset, u32 bytes, u32 warp, u32 group) {
    for (u32 row = offset / ROW; row <= (offset + bytes - 1) / ROW; ++row) {
        current_cta->async_reads[row * MAX_WARPS + warp] = group;
    }
}

}  // namespace simulator
