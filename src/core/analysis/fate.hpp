// Fate probabilities of cells from the labels of their simulated end states.
// Two steps, so that end states can come chunk by chunk and are never kept: tally_fates() turns a chunk into
// a few numbers per cell, summarise_fates() turns those of all members of an ensemble into probabilities.
#pragma once

#include <cstdint>
#include <vector>

#include "base/label_options.hpp"
#include "base/matrix.hpp"
#include "graph/labels.hpp"

namespace fatefield {

/// What the simulations of one member say about some cells.
struct FateShares {
  /// cells x (labels + 1): shares of the mass at the end; the last column is unassigned; rows sum to 1.
  Matrix share;
  /// Effective number of simulations, (sum w)^2 / sum w^2 with w the mass that growth gave each (Kish 1965).
  std::vector<double> effective;
};

/// Fate probabilities of cells.
struct FateTable {
  /// cells x fates; rows sum to 1. The mean of the members' Dirichlet posterior means.
  Matrix probability;
  /// cells x fates: standard error of the probability. For one member the standard deviation of its
  /// posterior, sqrt(p (1 - p) / (n + a + 1)) with n effective simulations that ended in a fate and a
  /// pseudo-observations. For several the larger of that of the mean and of the spread between members over
  /// the root of their number.
  Matrix se;
  /// cells x fates: standard deviation between members, 0 for one.
  Matrix spread;
  /// Entropy of the probabilities in nats, 0 (certain) to ln(fates).
  std::vector<double> entropy;
  /// Share of the mass that ended far from all labelled cells.
  std::vector<double> unassigned;
  /// Share of the mass that ended under labels that are no fates.
  std::vector<double> other;
  /// Effective number of simulations, summed over members.
  std::vector<double> effective;
};

/// Labels end states and sums them up per cell.
/// @param states      trajectories x dimensions
/// @param log_weights log of the mass of each trajectory, or empty for equal masses; only differences within
/// a
///                    cell matter; one that is not finite stands for no mass, and a cell without any mass
///                    is unassigned
/// @param cell        cell of each trajectory, 0..n_cells-1; each cell needs at least one
/// @throws Error (input) for wrong lengths, codes out of range or a cell without trajectory
FateShares tally_fates(const LabelTransfer& labels, MatrixView states, const std::vector<double>& log_weights,
                       const std::vector<std::int32_t>& cell, std::int64_t n_cells);

/// Probabilities over the labels `fates` (codes), from one FateShares for each member, all of the same cells.
/// Where nothing ended in a fate, the prior alone speaks; without a prior the row is NaN.
/// @throws Error (input) when there are no fates, members of different shape, or a negative prior
FateTable summarise_fates(const std::vector<FateShares>& members, const std::vector<std::int32_t>& fates,
                          const FateOptions& options);

}  // namespace fatefield
