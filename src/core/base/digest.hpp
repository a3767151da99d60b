// Digests of cells, by which a result remembers what it was made from. Takes the values of each cell, gives
// one number a cell; equal values give equal numbers on every machine, zeros count for nothing.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace fatefield {

/// The digest of one cell, fed value by value. It says nothing about how hard a collision is to make on
/// purpose.
class Digest {
 public:
  /// @param position of the value within the cell, such as the number of its gene, from 0
  void add(std::uint64_t position, double value) {
    if (value == 0) return;
    if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    state_ = mix(mix(state_ ^ (position + 1)) ^ bits);
  }

  /// A whole number below 2^53, which a double keeps.
  double value() const { return static_cast<double>(state_ >> 11); }

 private:
  /// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
  static std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
  }

  std::uint64_t state_ = 0;
};

}  // namespace fatefield
