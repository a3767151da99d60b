// The eigenvectors of a large operator whose eigenvalues have the largest real parts. Takes a function that
// applies a real operator; gives eigenvalues and unit eigenvectors.
#pragma once

#include <complex>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/matrix.hpp"

namespace fatefield {

struct LeadingEigenpairs {
  std::vector<std::complex<double>> value;
  /// One of n numbers for each value: real and imaginary parts.
  std::vector<std::vector<double>> real, imaginary;
  /// Where the subspace was asked for: an orthonormal basis of the space that the first `value.size()` of
  /// them span, a column for each; the first columns span that of the first values, pairs of conjugates as
  /// one.
  Matrix subspace;
  /// Whether all those asked for were found.
  bool converged = false;
};

struct LeadingEigenOptions {
  std::int64_t count = 10;
  /// Eigenvalues below this are of no interest: the search ends when the rest lies below.
  double floor = -1e300;
  /// Residual that is small enough, for operators of norm 1.
  double tolerance = 1e-9;
  std::int64_t max_restarts = 300;
  std::uint64_t seed = 42;
  /// Look for the space that the leading eigenvectors span, in place of the vectors: it is well known where
  /// they nearly coincide. One more is given where the last would be half of a pair; `real` and `imaginary`
  /// stay empty.
  bool subspace = false;
};

/// Arnoldi's method with thick restarts, the Krylov-Schur method (Stewart, SIAM Journal on Matrix Analysis
/// and Applications 23, 2002), which keeps the space of the leading Ritz vectors between restarts. Where
/// several eigenvectors share a value, one combination of them may stand for all.
/// @param apply y = A x for vectors of n numbers
LeadingEigenpairs leading_eigenpairs(std::int64_t n,
                                     const std::function<void(const double* x, double* y)>& apply,
                                     const LeadingEigenOptions& options,
                                     const std::function<bool()>& keep_going = {});

}  // namespace fatefield
