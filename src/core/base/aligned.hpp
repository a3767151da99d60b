// Storage on the boundaries that vector loads like best.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace fatefield {

/// Memory on a boundary of 64 bytes; of 4 MB or more, on a boundary of 2 MB and, by Linux, on pages of 2 MB
/// where it grants them to those who ask. A first touch of each page of 4 kB costs a training step a third
/// of its time, and half of that of a divergence of 5,000 cells, where virtual machines make faults dear.
/// Throws std::bad_alloc.
void* aligned_block(std::size_t bytes);
void free_block(void* block);

template <typename T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(aligned_block(n * sizeof(T))); }
  void deallocate(T* p, std::size_t) { free_block(p); }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
  friend bool operator!=(const AlignedAllocator&, const AlignedAllocator&) { return false; }
};

template <typename T>
using Aligned = std::vector<T, AlignedAllocator<T>>;

/// Such storage that is written before it is read: nothing is cleared.
template <typename T>
struct AlignedFree {
  void operator()(T* p) const { AlignedAllocator<T>().deallocate(p, 0); }
};

template <typename T>
using Workspace = std::unique_ptr<T[], AlignedFree<T>>;

template <typename T>
Workspace<T> make_workspace(std::int64_t n) {
  return Workspace<T>(n > 0 ? AlignedAllocator<T>().allocate(static_cast<std::size_t>(n)) : nullptr);
}

}  // namespace fatefield
