// From the velocity graph to probabilities of steps between cells. Takes and gives sparse rows of cells x
// cells.
#pragma once

#include <vector>

#include "base/arrows_options.hpp"
#include "base/matrix.hpp"
#include "base/sparse.hpp"

namespace fatefield {

/// Transition matrix T of the graph's correlations p, rows divided by the sums of absolute values.
/// negative = "exponential": exp(scale p) of every entry; "none": exp(scale p) - 1 of the positive ones;
/// "signed": exp(scale p) - 1 of the positive ones and 1 - exp(-scale p) of the others.
/// With self-transitions a cell stays with weight exp(scale q) (less 1 unless "exponential"), where q is what
/// its largest correlation lacks of the 98th percentile of these over the cells, between 0 and 1; q = 0 has
/// no entry. Cells without entries in the graph have none here.
SparseRows transition_matrix(const SparseRows& graph, const TransitionOptions& options);

/// The same steps back: the transpose with rows that sum to 1. For transitions without negative entries.
SparseRows backward_transitions(const SparseRows& transitions);

/// Without the steps to cells that have none themselves: walks would be lost there. Rows are divided by their
/// sums again.
SparseRows without_dead_ends(const SparseRows& x);

/// How well each cell's velocity agrees with its expected step: Pearson's correlation over genes of
/// sum_j T_ij x_j - x_i and v_i; 0 for cells without transitions or where one of them is constant.
/// @param expression, velocity genes x cells; genes whose velocity is not finite in some cell are left out
std::vector<double> transition_confidence(const SparseRows& transitions, MatrixView expression,
                                          MatrixView velocity);

}  // namespace fatefield
