// Groups of cells among which walks stay long, with soft membership. Takes the leading invariant subspace of
// transitions; gives memberships, the transitions between the groups, and how crisp the division is.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/matrix.hpp"
#include "base/sparse.hpp"

namespace fatefield {

struct Memberships {
  Matrix share;          ///< cells x states, at least 0; rows sum to 1
  double crispness = 0;  ///< from 0 to 1, where each cell is in one state alone
};

/// PCCA+ (Deuflhard and Weber, Linear Algebra and its Applications 398, 2005; Roeblitz and Weber, Advances in
/// Data Analysis and Classification 7, 2013): memberships X A with A such that they are the most crisp, the
/// sum over states of <m, m> / <m, 1>. The function is convex and has corners, so it is climbed by BFGS with
/// a line search that puts up with them (Lewis and Overton, Mathematical Programming 141, 2013).
/// @param basis cells x at least n_states, orthonormal, the first column constant
Memberships crisp_memberships(MatrixView basis, std::int64_t n_states,
                              const std::function<bool()>& keep_going = {});

/// Transitions between the states, (m' m)^-1 m' P m: rows sum to 1; entries may be a little below 0.
Matrix coarse_transitions(const SparseRows& transitions, MatrixView share);

/// Where walks are in the long run that start among all cells alike: one number for each state, sum 1.
/// @param start share of the cells that each state has
std::vector<double> coarse_stationary(MatrixView coarse, const std::vector<double>& start);

}  // namespace fatefield
