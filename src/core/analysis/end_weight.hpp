// Weights of the ends of futures, by which the pushed cloud becomes the observed one: a Doob transform of the
// model's own law by a function h of the state at the end. Takes ends (trajectories x dims) and observed
// cells (cells x dims); gives h for any states.
//
// With K_j a Gaussian around observed cell j, h(y) = sum_j u_j K_j(y) such that each observed cell gets its
// mass: u_j sum_s a_s phi_s K_j(y_s) = 1 / cells, where a_s is the mass of end s. That is the closed form of
// an entropic plan whose source masses are free. Where mass neither grows nor dies, the mass of each start is
// fixed too: phi of a start is 1 over the mean of h over its futures, found in turn with u (Fortet's and
// Sinkhorn's iteration for the Schroedinger system). Source: Leonard, A survey of the Schroedinger problem,
// DCDS-A 34 (2014).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/end_options.hpp"
#include "base/matrix.hpp"

namespace fatefield {

class EndWeight {
 public:
  /// @param centres cells x dims; variances of the kernels and logs of their heights, one a cell
  EndWeight(MatrixView centres, const std::vector<double>& variances, const std::vector<double>& log_heights);

  /// log h of rows of states, n x dims; the bytes of a row do not depend on the others, nor on threads.
  std::vector<double> log_at(MatrixView states) const;
  std::int64_t dims() const { return centres_.cols; }

 private:
  /// @param y less the middle; e: memory for one number a cell
  double log_of(const double* y, double* e) const;

  Matrix centres_;  // less the middle
  std::vector<double> middle_;
  std::vector<double> precision_, constant_;  // exponent = precision (x . y - |y|^2 / 2) + constant
};

struct EndFit {
  EndWeight weight;
  /// Total variation between the pushed cloud and the corrected one, 0 to 1.
  double moved = 0.0;
  std::int64_t iterations = 0;
};

/// @param ends        futures x dims, `n_sim` of each start side by side
/// @param log_weights log mass of each future, or empty for equal ones
/// @param fixed       each start keeps its mass
/// Errors of kind Input: no ends, too few observed cells for k, other dims.
EndFit fit_end_weight(MatrixView ends, const std::vector<double>& log_weights, std::int64_t n_sim,
                      MatrixView observed, bool fixed, const EndOptions& options,
                      const std::function<bool()>& keep_going = {});

}  // namespace fatefield
