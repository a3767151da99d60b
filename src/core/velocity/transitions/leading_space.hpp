// The space in which walks by the transitions stay longest. Takes transitions whose rows sum to 1; gives an
// orthonormal basis of the leading invariant subspace and its eigenvalues.
#pragma once

#include <complex>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/chain_options.hpp"
#include "base/matrix.hpp"
#include "base/sparse.hpp"

namespace fatefield {

struct LeadingSpace {
  Matrix basis;                              ///< cells x states; the first column is constant
  std::vector<std::complex<double>> values;  ///< the largest real parts first; may be more than columns
  /// Number of the part of the cells that nobody leaves, -1 for cells in none.
  std::vector<std::int32_t> closed;
  std::int64_t n_closed = 0;
  bool converged = true;
};

/// Schur vectors of the eigenvalues with the largest real parts (Reuter, Fackeldey and Weber, Journal of
/// Chemical Physics 150, 2019), orthonormal with all cells alike. Parts that nobody leaves have the
/// eigenvalue 1 each, which no iteration from one vector can tell from a single one: their absorption
/// probabilities are found first, and the others at right angles to them.
/// @param count eigenvalues; one more where a pair of conjugates would be parted, fewer where fewer have a
/// real
///              part above 0, at least as many as there are parts that nobody leaves
LeadingSpace leading_space(const SparseRows& transitions, std::int64_t count,
                           const MacrostateOptions& options, const std::function<bool()>& keep_going = {});

}  // namespace fatefield
