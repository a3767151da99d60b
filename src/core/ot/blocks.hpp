// How rows are cut for parallel work: at most a few dozen blocks, so that each may keep sums of its own, with
// bounds that depend on the number of rows alone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/threads.hpp"

namespace fatefield {
namespace ot {

// Squared distances below this count as this at p = 1, as in the originals: the derivative stays bounded.
constexpr double kDistanceFloor = 1e-8;

inline std::int64_t round_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

/// Rows of a block: a multiple of every vector's length.
inline std::int64_t block_rows(std::int64_t n) {
  constexpr std::int64_t kMinRows = 64, kMaxBlocks = 32;
  return std::max(kMinRows, round_up((n + kMaxBlocks - 1) / kMaxBlocks, kMinRows));
}

inline std::int64_t block_count(std::int64_t n) { return (n + block_rows(n) - 1) / block_rows(n); }

/// Runs body(block, from, to) over blocks of rows in parallel.
template <typename F>
void for_blocks(std::int64_t n, F&& body) {
  const std::int64_t step = block_rows(n);
  parallel_for(block_count(n),
               [&](std::int64_t block) { body(block, block * step, std::min(n, (block + 1) * step)); });
}

}  // namespace ot
}  // namespace fatefield
