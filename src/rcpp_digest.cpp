// Digests of the cells of a matrix for R: one number for each.
#include "core/base/digest.hpp"
#include "glue_counts.hpp"

using namespace fatefield;

namespace {

Rcpp::NumericVector values_of(const std::vector<Digest>& cells) {
  Rcpp::NumericVector out(static_cast<R_xlen_t>(cells.size()));
  for (R_xlen_t i = 0; i < out.size(); ++i) out[i] = cells[static_cast<std::size_t>(i)].value();
  return out;
}

}  // namespace

// Of the rows of `x`, cells x dims.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector row_digests(const Rcpp::NumericMatrix& x) {
  std::vector<Digest> cells(static_cast<std::size_t>(x.nrow()));
  for (int j = 0; j < x.ncol(); ++j)
    for (int i = 0; i < x.nrow(); ++i)
      cells[static_cast<std::size_t>(i)].add(static_cast<std::uint64_t>(j), x(i, j));
  return values_of(cells);
}

// Of the columns of `x`, genes x cells, dense or dgCMatrix; the same values have the same digest in both.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector column_digests(SEXP x) {
  const CountsView view = glue::counts_view(x);
  std::vector<Digest> cells(static_cast<std::size_t>(view.cells()));
  for (std::int64_t c = 0; c < view.cells(); ++c) {
    Digest& cell = cells[static_cast<std::size_t>(c)];
    view.each(c, [&](std::int64_t gene, double value) { cell.add(static_cast<std::uint64_t>(gene), value); });
  }
  return values_of(cells);
}
