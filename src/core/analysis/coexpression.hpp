// Networks between genes: correlations, which of them are edges, and how well genes belong to modules.
// Takes a matrix of observations (cells or simulated states) x genes; gives matrices and graphs of genes.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"
#include "base/network_options.hpp"
#include "base/sparse.hpp"

namespace fatefield {

/// Columns of `x` less their means, at length one; of their ranks (ties: the mean rank) with `ranks`.
/// @throws Error (input) for a column without spread, or fewer than three rows
Matrix standardised(MatrixView x, bool ranks);

/// Correlations between the columns of a standardised matrix, symmetric, ones on the diagonal.
Matrix correlations(const Matrix& standardised);

/// Pairs of different genes by their correlation: entry b counts those of [b, b + 1) / bins, the last also 1.
/// With `sign` negative correlations count as 0, else by their size.
std::vector<double> correlation_counts(MatrixView r, bool sign, std::int64_t bins);

/// The same with each gene shuffled within groups of observations, the mean over n_perm shuffles.
/// @param groups a code from 0 for each observation
std::vector<double> shuffled_counts(const Matrix& standardised, const std::vector<std::int32_t>& groups,
                                    bool sign, std::int64_t bins, std::int64_t n_perm, std::uint64_t seed);

/// Sums over other genes of r^power, genes x powers, powers 1 to max_power; `sign` as above.
Matrix soft_strengths(MatrixView r, std::int64_t max_power, bool sign);

/// Edges r^power.
SparseRows soft_graph(MatrixView r, double power, bool sign);

/// Edges r where r is at least `threshold`.
SparseRows hard_graph(MatrixView r, double threshold, bool sign);

/// Genes x modules: the correlation of each gene with the first principal component of each module's genes,
/// whose sign is that of most of them.
/// @param of the module of each gene, from 0, or -1
Matrix module_membership(MatrixView r, const std::vector<std::int32_t>& of, std::int64_t modules);

}  // namespace fatefield
