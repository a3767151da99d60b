// Which cells an update sees: every time's cells in a random order, without replacement, in equal batches.
// No torch here. A pure function of (seed, update), so that training can stop and go on.
#pragma once

#include <cstdint>
#include <vector>

namespace fatefield {

class Batches {
 public:
  /// @param sizes cells of each time
  /// @param requested cells of each time per update; 0 takes `usual`, or all of a time with fewer.
  /// An explicit number above the size of a time is an input_error("batch.size").
  Batches(std::vector<std::int64_t> sizes, std::int64_t requested, std::int64_t usual, std::uint64_t seed);

  /// Cells of time k in update u, as numbers into that time's cells.
  std::vector<std::int64_t> cells(std::size_t k, std::int64_t u);

  std::int64_t size(std::size_t k) const { return batch_[k]; }

 private:
  std::vector<std::int64_t> sizes_;
  std::vector<std::int64_t> batch_;
  std::uint64_t seed_;
  std::vector<std::int64_t> epoch_;
  std::vector<std::vector<std::int64_t>> order_;
};

}  // namespace fatefield
