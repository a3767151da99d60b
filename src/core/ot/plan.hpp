// The plan of an entropic transport: how much mass of each point of x goes to each point of y.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ot/sinkhorn.hpp"

namespace fatefield {

/// Entries by rows (compressed sparse rows): those of row i are [start[i], start[i + 1]).
struct TransportPlan {
  std::int64_t rows = 0;             ///< n, points of x
  std::int64_t columns = 0;          ///< m, points of y
  std::vector<std::int64_t> start;   ///< n + 1
  std::vector<std::int32_t> column;  ///< from 0, increasing within a row
  std::vector<double> mass;          ///< same length as column
  double cost = 0.0;                 ///< sum of mass times cost, of what is kept
  double dropped = 0.0;              ///< mass of the entries that were left out
  double column_error = 0.0;         ///< sum over columns of |mass - what should arrive|, of all entries
  double epsilon = 0.0;              ///< last temperature, blur^p
  std::int64_t iterations = 0;
  bool converged = false;  ///< options.tolerance was reached; false where none was asked for
};

/// P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon) with the potentials of the transport itself;
/// options.debias plays no part. Rows sum to a_i to rounding (times exp(-f_i / rho) under `reach`); columns
/// come as near to b_j as the iteration has converged, see column_error.
///
/// @param drop entries below this share of their row's mass are left out, in [0, 1); 0 keeps all there are
/// @param keep_going as in sinkhorn_divergence()
///
/// Errors as sinkhorn_divergence(); `drop` out of range.
template <typename T>
TransportPlan transport_plan(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                             double drop, const std::function<bool()>& keep_going = {});

}  // namespace fatefield
