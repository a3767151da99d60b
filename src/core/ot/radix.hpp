// Sorts positions by floating-point keys: least-significant-digit radix sort, stable, so that the order never
// depends on anything but the values. Several times faster than comparing where there are hundreds of keys.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

namespace fatefield {
namespace ot {

/// A value as an unsigned number of the same order, and where it came from.
template <typename T>
struct RadixItem {
  using Key = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  static constexpr Key kSign = Key(1) << (8 * sizeof(T) - 1);

  Key key;
  std::uint32_t index;

  static Key to_key(T v) {
    Key bits;
    std::memcpy(&bits, &v, sizeof v);
    return (bits & kSign) ? ~bits : bits | kSign;
  }
  T value() const {
    const Key bits = (key & kSign) ? key & ~kSign : ~key;
    T v;
    std::memcpy(&v, &bits, sizeof v);
    return v;
  }
};

/// Sorts n values into `items`, ascending; `spare` is workspace.
template <typename T>
void radix_sort(const T* values, std::int64_t n, std::vector<RadixItem<T>>& items,
                std::vector<RadixItem<T>>& spare) {
  constexpr int kDigits = static_cast<int>(sizeof(T));
  std::array<std::array<std::uint32_t, 256>, kDigits> counts{};
  items.resize(static_cast<std::size_t>(n));
  spare.resize(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const auto key = RadixItem<T>::to_key(values[i]);
    items[i] = {key, static_cast<std::uint32_t>(i)};
    for (int d = 0; d < kDigits; ++d) ++counts[d][(key >> (8 * d)) & 255];
  }
  for (int d = 0; d < kDigits; ++d) {
    std::uint32_t before = 0;
    for (std::uint32_t& c : counts[d]) before += std::exchange(c, before);
    for (const RadixItem<T>& item : items) spare[counts[d][(item.key >> (8 * d)) & 255]++] = item;
    items.swap(spare);
  }
}

}  // namespace ot
}  // namespace fatefield
