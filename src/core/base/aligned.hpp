// Storage on the boundaries that vector loads like best.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace fatefield {

template <typename T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlign{64};
  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kAlign)); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, kAlign); }
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
using Room = std::unique_ptr<T[], AlignedFree<T>>;

template <typename T>
Room<T> make_room(std::int64_t n) {
  return Room<T>(n > 0 ? AlignedAllocator<T>().allocate(static_cast<std::size_t>(n)) : nullptr);
}

}  // namespace fatefield
