// Rank sums of genes and random draws of signs, directions and bootstrap samples for R.
#include <cmath>

#include "core/analysis/rank_sum.hpp"
#include "core/base/rng.hpp"
#include "glue_graph.hpp"

using namespace fatefield;

// list(statistic, p) of genes; `x`: dgCMatrix of genes x cells, `group`: 1, 2 or 0 for each cell.
// [[Rcpp::export(rng = false)]]
Rcpp::List gene_rank_sums(const Rcpp::S4& x, const Rcpp::IntegerVector& group, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const RankSums found =
        rank_sums(glue::sparse_from(x), std::vector<std::int32_t>(group.begin(), group.end()));
    return Rcpp::List::create(Rcpp::Named("statistic") = Rcpp::wrap(found.statistic),
                              Rcpp::Named("p") = Rcpp::wrap(found.p));
  });
}

// -1 or 1 with equal probability, n x m.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix random_signs(int n, int m, double seed) {
  Rcpp::NumericMatrix out(n, m);
  for (int j = 0; j < m; ++j)
    for (int i = 0; i < n; ++i)
      out(i, j) = uniform(static_cast<std::uint64_t>(seed), Stream::Projection, static_cast<std::uint64_t>(i),
                          static_cast<std::uint64_t>(j)) < 0.5
                      ? -1
                      : 1;
  return out;
}

// How often each of n groups is drawn in each of n_boot samples with replacement: n x n_boot.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix bootstrap_counts(int n, int n_boot, double seed) {
  Rcpp::NumericMatrix counts(n, n_boot);
  const auto groups = static_cast<std::uint64_t>(n);
  for (int b = 0; b < n_boot; ++b)
    for (int i = 0; i < n; ++i)
      counts(uniform_index(static_cast<std::uint64_t>(seed), Stream::Bootstrap, i, b, groups), b) += 1;
  return counts;
}

// Rows are random directions of length 1 in as many dimensions as `root` has rows: a standard normal vector
// times it.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix random_directions(int n, Rcpp::NumericMatrix root, double seed) {
  const int inner = root.nrow(), dims = root.ncol();
  Rcpp::NumericMatrix out(n, dims);
  std::vector<double> z(inner);
  for (int i = 0; i < n; ++i) {
    fatefield::normals<double>(static_cast<std::uint64_t>(seed), Stream::Projection,
                               static_cast<std::uint64_t>(i), 1, 0, inner, z.data());
    double squares = 0.0;
    for (int j = 0; j < dims; ++j) {
      for (int k = 0; k < inner; ++k) out(i, j) += z[k] * root(k, j);
      squares += out(i, j) * out(i, j);
    }
    for (int j = 0; j < dims; ++j) out(i, j) /= std::sqrt(squares);
  }
  return out;
}
