// Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011). A number is a pure function of (seed, stream, trajectory, step, channel): it does not depend on
// the order in which numbers are asked for, so results do not change with batch size, chunk size or threads.
#pragma once

#include <array>
#include <cstdint>

namespace fatefield {

/// Purposes that must never share numbers.
enum class Stream : std::uint32_t {
  Noise = 0,       ///< increments of the Brownian motion
  Levy = 1,        ///< the second normal of solvers that need the integral of W
  Init = 2,        ///< initial weights
  Batch = 3,       ///< which cells form a batch
  Split = 4,       ///< training and held-out cells
  Dropout = 5,     ///< dropout masks
  Simulator = 6,   ///< simulated data
  Bootstrap = 7,   ///< resampling
  Projection = 8,  ///< random directions
  Bridge = 9,      ///< pairs of cells, and points on the bridges between them
  Start = 10,      ///< noise on the states that paths start from
  Modules = 20,    ///< the order in which nodes of a graph are visited, and their choices
  Shuffle = 21     ///< values shuffled among cells
};

/// One Philox block: 128 random bits for a 128-bit counter and a 64-bit key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::uint64_t key);

/// Uniform integer in [0, bound), bound >= 1 (multiply-shift; bias below bound / 2^64).
std::uint64_t uniform_index(std::uint64_t seed, Stream stream, std::uint64_t i, std::uint64_t draw,
                            std::uint64_t bound);

/// Uniform number in (0, 1).
double uniform(std::uint64_t seed, Stream stream, std::uint64_t i, std::uint64_t draw);

/// Standard normals for rows [first, first + n) at one step.
/// @param out n x channels, row-major; entry (i, c) depends on (seed, stream, first + i, step, c) alone
template <typename T>
void normals(std::uint64_t seed, Stream stream, std::uint64_t first, std::int64_t n, std::uint32_t step,
             std::int64_t channels, T* out);

/// Dropout masks for rows [first, first + n) of one layer at one step: `scale` with probability
/// keep_probability (to 16 bits) and 0 otherwise.
/// @param layer below 256
/// @param out n x width, row-major; entry (i, u) depends on (seed, stream, layer, first + i, step, u) alone
template <typename T>
void bernoulli_masks(std::uint64_t seed, Stream stream, std::uint32_t layer, std::uint64_t first,
                     std::int64_t n, std::uint32_t step, std::int64_t width, double keep_probability,
                     float scale, T* out);

/// A random permutation of 0..n-1 (Fisher-Yates) into out.
void permutation(std::uint64_t seed, Stream stream, std::uint64_t draw, std::int64_t n, std::int64_t* out);

}  // namespace fatefield
