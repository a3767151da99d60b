// Exact optimal transport between two clouds of the same number of equally weighted points, which is a
// matching: who goes to whom. Takes row-major points (n x dims, any unit); gives the matching, its mean cost
// and the dual potentials that prove it the best. Takes n x n numbers of memory; meant for a few thousand
// points.
//
// Source: Jonker and Volgenant, A shortest augmenting path algorithm for dense and sparse linear assignment
// problems, Computing 38, 1987.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ot/sinkhorn.hpp"

namespace fatefield {

struct Assignment {
  double value = 0.0;               ///< mean cost of the pairs
  std::vector<std::int64_t> match;  ///< n: the point of y that each point of x goes to, from 0
  std::vector<double> f;            ///< n: potential on x; f_i + g_j <= C_ij, equal for pairs
  std::vector<double> g;            ///< n: potential on y; the means of f and g sum to `value`
};

/// The cheapest matching for the cost |x - y|^2 / 2 (p = 2) or |x - y| (p = 1), as Sinkhorn's.
///
/// Errors of kind Input: no points, different dims or numbers of points, points that are not finite, weights
/// that are given, p other than 1 and 2, more than 20,000 points.
/// @param keep_going asked now and then, on the calling thread; false throws Interrupted
Assignment optimal_assignment(const Cloud<double>& x, const Cloud<double>& y, std::int64_t p,
                              const std::function<bool()>& keep_going = {});

/// The same for any finite cost, n x n, row-major.
Assignment optimal_assignment(const std::vector<double>& cost, std::int64_t n,
                              const std::function<bool()>& keep_going = {});

}  // namespace fatefield
