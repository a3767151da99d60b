// Neighbours of cells and sparse matrices between cells, from R and to R.
#pragma once

#include "core/base/sparse.hpp"
#include "core/graph/knn.hpp"
#include "glue.hpp"

namespace fatefield {
namespace glue {

// list(index, distance) of R, n x k from 1, row by row.
inline Neighbours neighbours_from(const Rcpp::List& knn) {
  const Rcpp::IntegerMatrix index = knn["index"];
  const Rcpp::NumericMatrix distance = knn["distance"];
  Neighbours out;
  out.n = index.nrow();
  out.k = index.ncol();
  for (std::int64_t i = 0; i < out.n; ++i)
    for (std::int64_t j = 0; j < out.k; ++j) {
      out.index.push_back(index(static_cast<int>(i), static_cast<int>(j)) - 1);
      out.distance.push_back(static_cast<float>(distance(static_cast<int>(i), static_cast<int>(j))));
    }
  return out;
}

/// A dgCMatrix by its rows.
inline SparseRows sparse_from(const Rcpp::S4& x) {
  const Rcpp::IntegerVector dim = x.slot("Dim"), p = x.slot("p"), i = x.slot("i");
  const Rcpp::NumericVector values = x.slot("x");
  SparseRows columns;
  columns.rows = dim[1];
  columns.cols = dim[0];
  columns.start.assign(p.begin(), p.end());
  columns.index.assign(i.begin(), i.end());
  columns.value.assign(values.begin(), values.end());
  return transpose(columns);
}

/// The same as a dgCMatrix, names on both sides left to R.
inline Rcpp::S4 to_r(const SparseRows& x) {
  const SparseRows columns = transpose(x);
  Rcpp::S4 out("dgCMatrix");
  out.slot("Dim") = Rcpp::IntegerVector::create(static_cast<int>(x.rows), static_cast<int>(x.cols));
  out.slot("p") = Rcpp::IntegerVector(columns.start.begin(), columns.start.end());
  out.slot("i") = Rcpp::IntegerVector(columns.index.begin(), columns.index.end());
  out.slot("x") = Rcpp::NumericVector(columns.value.begin(), columns.value.end());
  return out;
}

}  // namespace glue
}  // namespace fatefield
