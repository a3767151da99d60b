// Takes sizes; gives blocks of memory on boundaries of vectors and, where large, on large pages.
#include "base/aligned.hpp"

#include <cstdlib>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace fatefield {
namespace {

constexpr std::size_t kVector = 64;
constexpr std::size_t kPage = std::size_t{2} << 20;

}  // namespace

void* aligned_block(std::size_t bytes) {
  const bool large = bytes >= 2 * kPage;
  void* block = nullptr;
  if (posix_memalign(&block, large ? kPage : kVector, bytes > 0 ? bytes : 1) != 0) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // A hint: where the kernel does not grant it, pages are small as ever.
  if (large) madvise(block, bytes - bytes % kPage, MADV_HUGEPAGE);
#endif
  return block;
}

void free_block(void* block) { std::free(block); }

}  // namespace fatefield
