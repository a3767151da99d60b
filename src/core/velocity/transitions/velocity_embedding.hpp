// Velocities as arrows in a reduction. Takes transitions between cells and coordinates; gives arrows.
#pragma once

#include "base/matrix.hpp"
#include "base/sparse.hpp"

namespace fatefield {

/// The expected direction of each cell, less that of a cell that steps to all its neighbours alike
/// (La Manno et al., Nature 2018): V_i = sum_j (T_ij - mean_j T_ij) u_ij, with u_ij the unit vector from cell
/// i to cell j, over the entries of row i but the cell itself. Arrows have no unit; at most 1 long.
/// @param transitions cells x cells, usually with signed entries
/// @param coordinates cells x dimensions
/// @return cells x dimensions; 0 for cells without transitions
Matrix embed_velocity(const SparseRows& transitions, MatrixView coordinates);

}  // namespace fatefield
