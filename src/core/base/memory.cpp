// Takes nothing; gives a scope in which malloc keeps what is freed.
#include "base/memory.hpp"

#include <mutex>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace fatefield {

#ifdef __GLIBC__
namespace {

std::mutex lock;
int depth = 0;

void keep() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, 64 << 20);
}

// malloc.c's own defaults; those for mapping and trimming are where its dynamic thresholds end once blocks of
// tens of MB have been freed, because mallopt turns the dynamics off for good.
void give_back() {
  mallopt(M_MMAP_MAX, 65536);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  mallopt(M_TOP_PAD, 128 << 10);
  malloc_trim(0);
}

}  // namespace

KeepMemory::KeepMemory() {
  const std::lock_guard<std::mutex> hold(lock);
  if (depth++ == 0) keep();
}

KeepMemory::~KeepMemory() {
  const std::lock_guard<std::mutex> hold(lock);
  if (--depth == 0) give_back();
}
#else
KeepMemory::KeepMemory() = default;
KeepMemory::~KeepMemory() = default;
#endif

}  // namespace fatefield
