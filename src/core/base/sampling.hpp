// Draws of items from a seed. Every draw is a pure function of its arguments, see base/rng.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.hpp"

namespace fatefield {

/// `size` different numbers of [0, n) in random order, all sets alike; 0 <= size <= n.
std::vector<std::int64_t> draw_without_replacement(std::int64_t n, std::int64_t size, std::uint64_t seed,
                                                   Stream stream, std::uint64_t draw);

/// Increasing numbers of [0, n): all of them, or `most` drawn where there are more.
std::vector<std::int64_t> draw_at_most(std::int64_t n, std::int64_t most, std::uint64_t seed, Stream stream,
                                       std::uint64_t draw);

/// `size` numbers of [0, n), item i drawn size * weights[i] / sum times on average and never more than one
/// off (systematic sampling), in random order. Errors of kind Input name `weights`.
std::vector<std::int64_t> draw_by_weight(const std::vector<double>& weights, std::int64_t size,
                                         std::uint64_t seed, Stream stream, std::uint64_t draw);

}  // namespace fatefield
