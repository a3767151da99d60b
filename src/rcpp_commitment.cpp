// Passages, fates to come and rank sums for R. Indices are from 1 in R, from 0 in the core.
#include "core/analysis/commitment.hpp"
#include "core/analysis/rank_sum.hpp"
#include "core/base/rng.hpp"
#include "glue_graph.hpp"

using namespace fatefield;

// list(first, stays, until) of paths; `shares`: paths x times.
// [[Rcpp::export(rng = false)]]
Rcpp::List path_passages(const Rcpp::NumericMatrix& shares, const Rcpp::NumericVector& times,
                         double threshold) {
  return glue::guarded([&] {
    const Passages found =
        find_passages(glue::view(shares), std::vector<double>(times.begin(), times.end()), threshold);
    return Rcpp::List::create(Rcpp::Named("first") = Rcpp::wrap(found.first),
                              Rcpp::Named("stays") = Rcpp::wrap(found.stays),
                              Rcpp::Named("until") = Rcpp::wrap(found.until));
  });
}

// paths x fates; `near`: paths x k, numbers of other paths.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix path_forward_shares(const Rcpp::IntegerMatrix& near, const Rcpp::NumericMatrix& ends,
                                        const Rcpp::NumericVector& weights, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    std::vector<std::int32_t> by_rows;
    for (int i = 0; i < near.nrow(); ++i)
      for (int j = 0; j < near.ncol(); ++j) by_rows.push_back(near(i, j) - 1);
    return glue::to_r(forward_shares(by_rows, near.ncol(), glue::view(ends),
                                     std::vector<double>(weights.begin(), weights.end())));
  });
}

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
