// Matrices of genes x cells as R keeps them, read in place: dgCMatrix or dense.
#pragma once

#include "core/velocity/estimate/counts.hpp"
#include "glue.hpp"

namespace fatefield {
namespace glue {

inline CountsView counts_view(SEXP x) {
  if (!Rf_isS4(x)) return CountsView(view(Rcpp::NumericMatrix(x)));
  const Rcpp::S4 sparse(x);
  const Rcpp::IntegerVector dim = sparse.slot("Dim"), p = sparse.slot("p"), i = sparse.slot("i");
  const Rcpp::NumericVector values = sparse.slot("x");
  return CountsView(dim[0], dim[1], p.begin(), i.begin(), values.begin());
}

/// A copy whose rows are the cells.
inline SparseRows cells_of(const CountsView& x) {
  SparseRows out;
  out.rows = x.cells();
  out.cols = x.genes();
  out.start.push_back(0);
  for (std::int64_t c = 0; c < x.cells(); ++c) {
    x.each(c, [&](std::int64_t gene, double value) {
      out.index.push_back(static_cast<std::int32_t>(gene));
      out.value.push_back(value);
    });
    out.start.push_back(static_cast<std::int64_t>(out.index.size()));
  }
  return out;
}

}  // namespace glue
}  // namespace fatefield
