// What velocities are estimated from, as R hands it over: counts of genes x cells, sizes, neighbours.
#pragma once

#include <vector>

#include "core/graph/fuzzy.hpp"
#include "core/velocity/estimate/moments.hpp"
#include "glue_counts.hpp"
#include "glue_graph.hpp"

namespace fatefield {
namespace glue {

inline std::vector<double> numbers(const Rcpp::NumericVector& x) { return {x.begin(), x.end()}; }

/// Indices of R, from 1, as the core counts those of genes and cells.
inline std::vector<std::int64_t> indices_from_one(const Rcpp::IntegerVector& x) {
  std::vector<std::int64_t> out;
  for (int i : x) out.push_back(static_cast<std::int64_t>(i) - 1);
  return out;
}

inline Rcpp::NumericMatrix empty_matrix(std::int64_t rows, std::int64_t cols) {
  return Rcpp::NumericMatrix(Rcpp::no_init(static_cast<int>(rows), static_cast<int>(cols)));
}

inline Rcpp::LogicalVector flags(const std::vector<bool>& x) {
  return Rcpp::LogicalVector(x.begin(), x.end());
}

/// A symmetric dgCMatrix of weights, or list(index, distance) with `directed` for one direction only.
inline CellMeans means_from(SEXP neighbours, bool directed) {
  if (!Rf_isS4(neighbours)) {
    const Neighbours lists = neighbours_from(neighbours);
    return CellMeans(directed ? cell_sets(lists) : cell_sets(fuzzy_graph(lists)));
  }
  return CellMeans(cell_sets(cells_of(counts_view(neighbours))));
}

/// What moments are taken of, kept together for one call. `how`: list(spliced.size, unspliced.size,
/// neighbours, directed); `known`: list(Ms, Mu) of these genes, or NULL.
struct MomentInputs {
  SparseRows spliced, unspliced;
  CellMeans means;
  Moments moments;

  MomentInputs(SEXP s, SEXP u, const Rcpp::List& how, const std::vector<std::int64_t>& genes)
      : spliced(by_gene(counts_view(s), genes, numbers(how["spliced.size"]))),
        unspliced(by_gene(counts_view(u), genes, numbers(how["unspliced.size"]))),
        means(means_from(how["neighbours"], Rcpp::as<bool>(how["directed"]))),
        moments(spliced, unspliced, means) {}
  MomentInputs(SEXP s, SEXP u, const Rcpp::List& how, const std::vector<std::int64_t>& genes,
               const Rcpp::Nullable<Rcpp::List>& known)
      : MomentInputs(s, u, how, genes) {
    if (known.isNull()) return;
    const Rcpp::List given(known);
    known_s_ = Rcpp::as<Rcpp::NumericMatrix>(given["Ms"]);
    known_u_ = Rcpp::as<Rcpp::NumericMatrix>(given["Mu"]);
    moments.take_first(view(known_s_), view(known_u_));
  }
  MomentInputs(const MomentInputs&) = delete;

 private:
  Rcpp::NumericMatrix known_s_, known_u_;
};

}  // namespace glue
}  // namespace fatefield
