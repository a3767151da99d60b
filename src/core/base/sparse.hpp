// Sparse matrices by compressed rows. The rows of one are the columns of R's dgCMatrix of its transpose.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/matrix.hpp"

namespace fatefield {

/// rows x cols; row i holds the entries [start[i], start[i + 1]), their columns ascending.
struct SparseRows {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<std::int64_t> start;
  std::vector<std::int32_t> index;
  std::vector<double> value;

  std::int64_t stored() const { return static_cast<std::int64_t>(index.size()); }
};

/// Adds a row below those that are there. Sorts its entries, pairs of column and value.
void append_row(SparseRows& x, std::vector<std::pair<std::int32_t, double>>& row);

SparseRows transpose(const SparseRows& x);

/// Rows and columns `nodes` of a square x: entry (a, b) is x(nodes[a], nodes[b]).
/// @param place x.rows numbers of -1, and so again afterwards: many parts of one matrix share them
SparseRows part_of(const SparseRows& x, const std::vector<std::int32_t>& nodes,
                   std::vector<std::int32_t>& place);

/// With its zeros.
Matrix dense_matrix(const SparseRows& x);

/// Sums of the rows.
std::vector<double> row_sums(const SparseRows& x);

/// y = x v, for v of x.cols and y of x.rows numbers; rows in parallel.
void multiply(const SparseRows& x, const double* v, double* y);

/// Rows divided by the sum of their absolute values; rows of zeros stay.
void normalise_rows(SparseRows& x);

}  // namespace fatefield
