// Markov chains for tests.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.hpp"
#include "base/sparse.hpp"

/// By its whole rows.
inline fatefield::SparseRows chain_of(const std::vector<std::vector<double>>& rows) {
  fatefield::SparseRows x;
  x.rows = x.cols = static_cast<std::int64_t>(rows.size());
  x.start.push_back(0);
  for (const std::vector<double>& row : rows) {
    for (std::size_t j = 0; j < row.size(); ++j) {
      if (row[j] == 0) continue;
      x.index.push_back(static_cast<std::int32_t>(j));
      x.value.push_back(row[j]);
    }
    x.start.push_back(x.stored());
  }
  return x;
}

/// A gambler with i of n: one up with probability p, one down else; the ends stay.
inline fatefield::SparseRows gambler(std::int64_t n, double p) {
  std::vector<std::vector<double>> rows(static_cast<std::size_t>(n + 1),
                                        std::vector<double>(static_cast<std::size_t>(n + 1), 0.0));
  rows[0][0] = rows[static_cast<std::size_t>(n)][static_cast<std::size_t>(n)] = 1;
  for (std::size_t i = 1; i < static_cast<std::size_t>(n); ++i) {
    rows[i][i + 1] = p;
    rows[i][i - 1] = 1 - p;
  }
  return chain_of(rows);
}

/// `blocks` groups of `size` states; within a group each state steps to `links` random others of it, and with
/// probability `leave[block]` to a random state of another group.
inline fatefield::SparseRows block_chain(std::int64_t blocks, std::int64_t size, std::int64_t links,
                                         const std::vector<double>& leave, std::uint64_t seed) {
  using namespace fatefield;
  const std::int64_t n = blocks * size;
  std::vector<std::vector<double>> rows(static_cast<std::size_t>(n),
                                        std::vector<double>(static_cast<std::size_t>(n), 0.0));
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t block = i / size;
    std::vector<double>& row = rows[static_cast<std::size_t>(i)];
    double sum = 0;
    const auto at = [&](std::uint64_t draw, std::int64_t bound) {
      return static_cast<std::int64_t>(uniform_index(seed, Stream::Simulator, static_cast<std::uint64_t>(i),
                                                     draw, static_cast<std::uint64_t>(bound)));
    };
    // A ring, so that no part is closed by chance.
    row[static_cast<std::size_t>(block * size + (i + 1 - block * size) % size)] += 1;
    sum += 1;
    for (std::int64_t k = 0; k < links; ++k) {
      const double w =
          uniform(seed, Stream::Noise, static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(k));
      row[static_cast<std::size_t>(block * size + at(static_cast<std::uint64_t>(k), size))] += w;
      sum += w;
    }
    const double out = leave[static_cast<std::size_t>(block)];
    for (double& w : row) w *= (1 - out) / sum;
    const std::int64_t other = (block + 1 + at(1000, blocks - 1)) % blocks;
    row[static_cast<std::size_t>(other * size + at(1001, size))] += out;
  }
  return chain_of(rows);
}
