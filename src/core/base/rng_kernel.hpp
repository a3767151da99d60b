// Runs of Philox blocks, turned to normals or masks many at a time. Takes the counters of the blocks; gives
// floats. Versions for several instruction sets are compiled from rng_kernel.inc, and all give the same
// bytes.
#pragma once

#include <cstdint>
#include <vector>

namespace fatefield {

/// `rows` rows of `parts` blocks each, one after the other. Block (row, part) has the counter
/// (first + row, step, purpose + part) of rng.cpp; the low 32 bits of first + row must not wrap.
struct BlockRun {
  std::uint64_t seed;
  std::uint64_t first;
  std::uint32_t step;
  std::uint32_t purpose;
  std::int32_t parts;
  std::int32_t rows;
};

struct RngKernels {
  const char* name;

  /// out: rows x parts x 4 standard normals by Box-Muller, two from each pair of words, within 1e-6 of exact
  /// ones. A word stands for the middle of one of 2^32 equal cells of (0, 1).
  void (*normals)(const BlockRun&, float* out);

  /// out: rows x parts x 8 values, each `scale` with probability threshold / 65536 and 0 otherwise; parts is
  /// a multiple of 4. Four blocks give 32 values: 16 from the low halves of their words, 16 from the high
  /// ones.
  void (*masks)(const BlockRun&, std::uint32_t threshold, float scale, float* out);
};

/// The versions that this machine can run, best first.
const std::vector<RngKernels>& rng_kernel_versions();

}  // namespace fatefield
