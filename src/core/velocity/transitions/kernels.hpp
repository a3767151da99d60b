// Transitions that need no RNA velocity: along a graph of neighbours, along a pseudotime, and by drift and
// noise. Takes weights between cells that are near each other (SparseRows of cells x cells, none negative);
// gives transitions, whose rows sum to 1. Cells without a weight have no steps.
#pragma once

#include <vector>

#include "base/matrix.hpp"
#include "base/sparse.hpp"

namespace fatefield {

/// Steps in proportion to the weights.
SparseRows connectivity_transitions(const SparseRows& weights);

/// Steps forward in proportion to the weights, steps back by the time d less likely: their weights are
/// divided by (1 + exp(4 d / s)) / 2, s the mean difference of cells with a weight between them.
/// @param time of each cell; cells without a finite one have no steps, and none lead to them
SparseRows pseudotime_transitions(const SparseRows& weights, const std::vector<double>& time);

/// The jumps of dx = f dt + g dW between the cells that are there. Of all rates r_ij with sum_j r_ij (x_j -
/// x_i) = f and sum_j r_ij |x_j - x_i|^2 = sum of g^2, those nearest (by Kullback and Leibler) to Gaussian
/// weights of the noise: how densely cells lie has no say in where they go. A cell stays as its rates are
/// lower than those of the fastest tenth of the cells. Where the cells around do not hold the drift, as at
/// the edge, it is met as nearly as they do.
/// @param x, drift, noise cells x dims; noise: standard deviations per square root of time
SparseRows drift_transitions(const SparseRows& near, MatrixView x, MatrixView drift, MatrixView noise);

}  // namespace fatefield
